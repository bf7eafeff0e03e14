"""What `python -m localhost discover` prints of an answer, whatever the answer leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from localhost.discovery_view import lines, table
from shared.api.routes.discovery import DiscoveryAnswer
from shared.models.discovery import Discovered

FOUND = [
    Discovered(name="new", status="new", rows=1_200, rows_are="estimate", cells={"load_type": "FULL"}),
    Discovered(
        name="large", status="new", cells={"load_type": "INCREMENTAL"}, reasons={"load_type": "CHECK the rest."}
    ),
    Discovered(name="kept", status="kept", note=None),
    Discovered(name="changed", status="changed", note="Its key is another one."),
    Discovered(name="gone", status="gone", note="The source has no table gone any more."),
    Discovered(name="odd*", status="left out", note="Its name has a *."),
    Discovered(name="/orders", status="new"),
]


@pytest.fixture
def answer() -> dict[str, Any]:
    """An answer as the app sends it: without what nothing was said of."""
    counts = {"new": 3, "kept": 1, "changed": 1, "gone": 1, "left out": 1}
    whole = DiscoveryAnswer(
        source_name="shop_pg", source_type="PostgreSQL", schema_name="public", counts=counts, found=FOUND, workbook=""
    )
    return whole.model_dump(mode="json", exclude_unset=True)


def test_every_table_and_endpoint_has_a_line(answer: dict[str, Any]) -> None:
    console = Console(width=100, record=True)
    console.print(table(answer))
    printed = console.export_text()
    assert [one.name for one in FOUND if one.name not in printed] == []
    assert "~1,200" in printed


def test_what_deserves_a_look_is_named_and_nothing_else(answer: dict[str, Any]) -> None:
    *notes, wrote, advice = lines(answer, Path("found.xlsx"))
    assert notes == [
        "- large: CHECK the rest.",
        "- changed: Its key is another one.",
        "- gone: The source has no table gone any more.",
        "- odd*: Its name has a *.",
    ]
    assert wrote.startswith("Wrote found.xlsx: 3 new, 1 kept, 1 changed, 1 gone, 1 left out in shop_pg.public.")
    assert advice == "Look at the rows, then: python -m localhost run --workbook found.xlsx"
