"""Compaction and vacuum of one Delta table, without getting into the way of how loads are committed and taken back.

Every commit made here names the load that the table is at. Taking back a load that breaks off later then goes
back to the compacted version, and not to the one before it, whose files a vacuum may have removed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError

from shared.errors.hierarchy import LeaseLostError
from shared.lake.delta.log import naming, newest_load
from shared.models.maintenance import MaintainedTable

_TASKS = 1  # that rewrite files at once: memory matters more than time


def keep_up(name: str, table: DeltaTable, retention: timedelta, before_commit: Callable[[], None]) -> MaintainedTable:
    """Rewrite small files as large ones, and remove those that no version within the retention needs.

    Args:
        name: The table's name.
        table: The table, at its newest version, which belongs to a committed load.
        retention: How long files that the newest version does not need are kept.
        before_commit: May raise to keep the table as it is.

    Raises:
        LeaseLostError: the table was changed meanwhile, or `before_commit` raised it.
    """
    hours, files_before = int(retention / timedelta(hours=1)), len(table.file_uris())
    load_id = newest_load(table)
    # also without a load's name: nothing may be done on top of a version that is not the one that was read
    properties = naming(load_id) if load_id else CommitProperties(max_commit_retries=0)
    before_commit()
    try:
        table.optimize.compact(max_concurrent_tasks=_TASKS, commit_properties=properties)
        removable = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)
        if removable:
            before_commit()
            table.vacuum(
                hours, dry_run=False, enforce_retention_duration=False, full=True, commit_properties=properties
            )
    except CommitFailedError as error:
        raise LeaseLostError(f"Delta table '{name}' was changed while it was maintained: {error}") from error
    return MaintainedTable(
        table_name=name,
        files_before=files_before,
        files_after=len(table.file_uris()),
        files_removed=len(removable),
    )
