"""A generated history is one that loads could have made, and what a load asks of storage after it does not grow."""

from __future__ import annotations

import json
import re
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.long_lake import Template, make_history
from benchmarks.many_loads import Traffic
from shared.lake.dataset import SMALL
from tests.integration.app.delta_loads import DeltaLoads

LOADS = 20
SPANS = 3  # of 10,000 s, that a window of 10,000 s and the ten minutes by which clocks may differ touches at most


@pytest.fixture
def one(loads: DeltaLoads) -> DeltaLoads:
    """A plain Parquet table with one row at its source, and a job that appends what is new."""
    loads.change_job(table_format="parquet", primary_key=())
    loads.execute(f"delete from {loads.table} where version > 1")
    return loads


def add(loads: DeltaLoads, first: int, last: int) -> None:
    """Rows that differ from the first one in their watermark alone, as generated ones do."""
    loads.execute(f"insert into {loads.table} select -n, 'order 1', n from generate_series({first}, {last}) n")


def loaded_twice(one: DeltaLoads) -> Template:
    one.load()
    add(one, 2, 2)
    one.load()
    return Template.of(one.lake, one.job)


def shape(template: Template) -> dict[str, Any]:
    """The files, and what is in them, but for what is another in every load."""
    files: dict[str, list[Any]] = {}
    for name, content in sorted(template.files.items()):
        kind = re.sub(r"\d{10}\.\d+|[0-9a-f]{64}|(?<=\.)[0-9a-f]{10}(?=\.)|" + template.job.job_id, "?", name)
        files.setdefault(kind, []).append(_content(name, content))
    return files


def _content(name: str, content: bytes) -> Any:
    if name.endswith(".parquet"):
        table = pq.read_table(BytesIO(content))
        return str(table.schema), table["version"].to_pylist()
    return _types(json.loads(content)) if content else None


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _types(one) for name, one in value.items()}
    return [_types(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_a_generated_history_is_one_that_loads_make(one: DeltaLoads) -> None:
    template = loaded_twice(one)
    for number in range(3, LOADS + 1):
        add(one, number, number)
        assert one.load().rows_written == 1
    real = Template.of(one.lake, one.job)
    for name in real.files:
        one.lake.delete_blob(real.folder + name)
    for name, content in template.files.items():
        one.lake.upload_blob(template.folder + name, content)
    make_history(template, LOADS, time.time() - 900)
    assert shape(Template.of(one.lake, one.job)) == shape(real)


def test_a_load_after_many_lists_no_more_than_after_few(one: DeltaLoads, tmp_path: Path) -> None:
    template = loaded_twice(one)
    add(one, 3, 4 * SMALL)
    make_history(template, 4 * SMALL, time.time() - 900)
    traffic = Traffic()
    with traffic.counted():
        for number in range(3):
            add(one, 4 * SMALL + number + 1, 4 * SMALL + number + 1)
            traffic.clear()
            result = one.load()
            assert (result.rows_written, result.watermark_after) == (1, str(4 * SMALL + number + 1))
    assert traffic.listings <= 4 + 3 * SPANS  # records when it begins, data files, records when it commits
    assert traffic.requests <= 30 + 3 * SPANS
    manifest = json.loads(one.lake.download_blob(f"{template.folder}{one.table}/_manifest.json").readall())
    assert (manifest["rows"], len(manifest["files"])) == (4 * SMALL + 3, 4 * SMALL + 3)
