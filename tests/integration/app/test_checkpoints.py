"""Who opens a Delta table reads some ten commits of its log, however many loads there were."""

from __future__ import annotations

import json
import logging

import pytest
from deltalake import DeltaTable

from shared.lake.delta.log import COMMITS_READ
from tests.integration.app.delta_loads import DeltaLoads


def commit_without_a_load(loads: DeltaLoads, number: int) -> None:
    """As maintenance does; cheaper than loads."""
    table = loads.delta
    for hours in range(number):
        table.alter.set_table_properties({"delta.deletedFileRetentionDuration": f"interval {200 + hours} hours"})


def last_checkpoint(loads: DeltaLoads) -> int | None:
    marks = [
        name for name in loads.lake.list_blob_names() if name.endswith(f"/{loads.table}/_delta_log/_last_checkpoint")
    ]
    return int(json.loads(loads.lake.download_blob(marks[0]).readall())["version"]) if marks else None


def load_another(loads: DeltaLoads, key: int) -> None:
    loads.execute(f"insert into {loads.table} values ({key}, 'order', {key})")
    assert loads.load().rows_written == 1


@pytest.fixture
def long_log(loads: DeltaLoads) -> DeltaLoads:
    """A table whose next load passes the tenth commit."""
    loads.load()
    commit_without_a_load(loads, COMMITS_READ - 1)
    assert last_checkpoint(loads) is None
    return loads


def test_a_load_that_passes_the_tenth_commit_leaves_a_checkpoint_and_the_next_loads_go_on_from_it(
    long_log: DeltaLoads,
) -> None:
    load_another(long_log, 11)
    checkpoint = last_checkpoint(long_log)
    assert checkpoint == long_log.delta.version() >= COMMITS_READ
    load_another(long_log, 12)
    assert last_checkpoint(long_log) == checkpoint
    commit_without_a_load(long_log, 2 * COMMITS_READ - 1 - long_log.delta.version())
    load_another(long_log, 13)
    assert last_checkpoint(long_log) == long_log.delta.version()
    assert [key for key, *_ in long_log.rows("id")] == list(range(1, 14))


def test_a_checkpoint_that_cannot_be_written_fails_no_load(
    long_log: DeltaLoads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_table: DeltaTable) -> None:
        raise OSError("the storage is busy")

    monkeypatch.setattr(DeltaTable, "create_checkpoint", refuse)
    with caplog.at_level(logging.WARNING, "shared.lake.delta.log"):
        load_another(long_log, 11)
    assert "has no checkpoint of version" in caplog.text
    assert last_checkpoint(long_log) is None
    assert [key for key, *_ in long_log.rows("id")] == list(range(1, 12))
