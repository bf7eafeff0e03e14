"""Pages wait on disk, and are known again by their rows."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from shared.sources.rest.identity import rows_digest
from shared.sources.rest.shapes import Shapes
from shared.sources.rest.spool import Spool
from shared.sources.rest.tables import Unnesting
from tests.unit.sources.rest.jobs import an_api_job

ROWS = [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b", "c"]}]


def test_pages_come_back_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    unnesting = Unnesting(an_api_job(), Shapes({}))
    spool = Spool(tmp_path)
    for number in (7, 2, 5):
        spool.add(number, unnesting.tables([{"id": number, "tags": [number]}], str(number)))
    assert [page[()].column("id").to_pylist() for _, page in spool.pages()] == [[2], [5], [7]]
    assert [page["tags",].column("value").to_pylist() for _, page in spool.pages()] == [[2], [5], [7]]
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_equal_pages_have_equal_digests_and_others_have_others() -> None:
    digest = rows_digest(ROWS)
    assert rows_digest(json.loads(json.dumps(ROWS))) == digest
    assert rows_digest(list(reversed(ROWS))) != digest
    assert rows_digest([ROWS[0], {"id": 2, "tags": ["b", "d"]}]) != digest
    assert rows_digest([{"n": Decimal("1.5")}]) == rows_digest([{"n": Decimal("1.5")}]) != rows_digest([{"n": 1.5}])
