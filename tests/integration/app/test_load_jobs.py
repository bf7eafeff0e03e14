"""No load waits for dlt to look again: whatever a job of dlt does, its end wakes the loop that waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.load.load import Load

from tests.integration.app.delta_loads import DeltaLoads


@pytest.fixture(autouse=True)
def never_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dlt's loop look again after an hour instead of a second: who relies on it runs into the time limit."""
    made = Load.__init__

    def make(load: Load, *positional: Any, **named: Any) -> None:
        made(load, *positional, **named)
        load._run_loop_sleep_duration = 3600

    monkeypatch.setattr(Load, "__init__", make)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("load_type", ["FULL", "INCREMENTAL"])
@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_loads_of_rows_and_of_none_end_without_a_second_look(
    loads: DeltaLoads, table_format: str, load_type: str
) -> None:
    watermark = "version" if load_type == "INCREMENTAL" else None
    loads.change_job(load_type=load_type, watermark_column=watermark, table_format=table_format, primary_key=())
    first = loads.load().rows_written
    assert first > 0
    assert loads.load().rows_written == (first if load_type == "FULL" else 0)
    loads.execute(f"insert into {loads.table} select id + 100, name, version + 100 from {loads.table}")
    assert loads.load().rows_written == (2 * first if load_type == "FULL" else first)
