"""The record of a compaction is one of its own, and says of the last load what that load's says."""

from __future__ import annotations

from shared.lake.records import compaction_record, last_load

LOAD = {
    "load_id": "100.5",
    "inserted_at": "2026-11-30T01:00:00+00:00",
    "base_load_id": None,
    "run_id": "run-1",
    "watermark_after": "7",
    "tables": {"orders": {"replaced": True, "files": []}},
    "delta_tables": ["lines"],
}
OWN = {"inserted_at": "2026-11-30T02:00:00+00:00", "tables": {"orders": {"replaced": False, "files": [], "joined": []}}}


def test_a_load_s_record_is_that_of_the_last_load() -> None:
    assert last_load(LOAD) == LOAD


def test_compactions_one_after_the_other_know_the_load() -> None:
    first = compaction_record(LOAD, {**OWN, "load_id": "101.5"})
    second = compaction_record(first, {**OWN, "load_id": "102.5"})
    for record in (first, second):
        assert {**last_load(record), "tables": None, "delta_tables": None, "compaction": None} == {
            **LOAD,
            **{"tables": None, "delta_tables": None, "compaction": None},
        }
        assert (record["tables"], record["delta_tables"]) == (OWN["tables"], [])
    assert (first["load_id"], second["load_id"], second["inserted_at"]) == ("101.5", "102.5", OWN["inserted_at"])


def test_a_compaction_is_not_the_beginning_of_its_dataset() -> None:
    """What is older than the first load was never committed, and would be removed."""
    first = compaction_record(LOAD, {**OWN, "load_id": "101.5"})
    assert (first["base_load_id"], compaction_record(first, {**OWN, "load_id": "102.5"})["base_load_id"]) == (
        "100.5",
        "101.5",
    )
