"""What the records of `_dlt_loads` say, beside the load itself; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.jobs.lake_layout import COMPACTION

_OF_THE_LOAD = ("load_id", "inserted_at", "base_load_id")


def last_load(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record of the last load: a compaction commits by a record of its own, which repeats that one."""
    return {**record, **record.get(COMPACTION, {})}


def compaction_record(last: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a compaction.

    Args:
        last: The newest record before, of a load or of a compaction.
        own: What is its own: `load_id`, `inserted_at`, `tables` and `dataset`.
    """
    load = last_load(last)
    of_load = {name: load.get(name) for name in _OF_THE_LOAD}
    # with a predecessor, even if the load has none: what is older than the first load's record was never committed
    return {**load, "base_load_id": last["load_id"], "delta_tables": [], **own, COMPACTION: of_load}
