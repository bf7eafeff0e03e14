"""Pages wait on disk, and are known again by their rows."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from shared.sources.rest.identity import rows_digest
from shared.sources.rest.shapes import Shapes
from shared.sources.rest.spool import Run, Spool
from shared.sources.rest.tables import Unnesting
from tests.unit.sources.rest.jobs import an_api_job

VALUES = st.one_of(
    st.none(), st.integers(0, 3), st.floats(0, 1), st.sampled_from(["x", ""]), st.lists(st.integers(0, 3), max_size=2)
)
ROWS = [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b", "c"]}]


def test_pages_come_back_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    unnesting = Unnesting(an_api_job(), Shapes({}))
    spool = Spool(tmp_path)
    for number in (7, 2, 5):
        spool.add(number, unnesting.tables([{"id": number, "tags": [number]}], str(number)))
    (run,) = spool.runs()
    assert run.tables[()].column("id").to_pylist() == [2, 5, 7]
    assert run.tables["tags",].column("value").to_pylist() == [2, 5, 7]
    assert run.rows == [(2, 1), (5, 1), (7, 1)]
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_large_page_is_kept_on_its_own(tmp_path: Path) -> None:
    unnesting = Unnesting(an_api_job(), Shapes({}))
    written: list[Run] = []
    spool = Spool(tmp_path, written.append)
    for number, size in enumerate((10, 10, 3 << 20, 10)):
        spool.add(number, unnesting.tables([{"id": number, "text": "x" * size}], str(number)))
    assert [len(run.tables[()].column("text")[0].as_py()) for run in spool.runs()] == [10, 3 << 20, 10]
    assert [[number for number, _ in run.rows] for run in written] == [[0, 1], [2], [3]]
    spool.close()


@given(
    pages=st.lists(st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUES), min_size=1, max_size=4), max_size=25),
    order=st.randoms(),
    together=st.integers(1, 6),
)
def test_pages_that_are_kept_together_come_back_as_they_came(
    pages: list[list[dict[str, Any]]], order: Random, together: int
) -> None:
    """Whatever their columns, types and lists are, in whatever order they come, and if some of them come again."""
    unnesting = Unnesting(an_api_job(), Shapes({}))
    came = list(range(len(pages)))
    order.shuffle(came)
    written: list[Run] = []
    spool = Spool(None, written.append)
    tables = {number: unnesting.tables(pages[number], str(number)) for number in range(len(pages))}
    with patch("shared.sources.rest.spool._PAGES", together):
        for number in [*came, *came[:3]]:
            spool.add(number, tables[number])
        runs = list(spool.runs())
    assert [page for run in runs for page in run.rows] == [(n, len(rows)) for n, rows in enumerate(pages)]
    for path in {path for page in tables.values() for path in page}:
        expected = [row for number in sorted(tables) if path in tables[number] for row in _rows(tables[number][path])]
        assert [row for run in runs if path in run.tables for row in _rows(run.tables[path])] == expected
    assert sorted(number for run in written for number, _ in run.rows) == sorted([*came, *came[:3]])
    spool.close()


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table without their nulls."""
    return [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]


def test_equal_pages_have_equal_digests_and_others_have_others() -> None:
    digest = rows_digest(ROWS)
    assert rows_digest(json.loads(json.dumps(ROWS))) == digest
    assert rows_digest(list(reversed(ROWS))) != digest
    assert rows_digest([ROWS[0], {"id": 2, "tags": ["b", "d"]}]) != digest
    assert rows_digest([{"n": Decimal("1.5")}]) == rows_digest([{"n": Decimal("1.5")}]) != rows_digest([{"n": 1.5}])
