"""Old rows of the audit table.

Always kept, however old: the partitions `latest` and `succeeded` and the history rows that they repeat, the ledger
(a load that lost its state must not start over in silence), the claims of one-off requests (carried out once), the
upload that is active, and everything of a run that is running.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain

from azure.data.tables import TableClient

from shared.activation.uploads import Outcome
from shared.audit.batches import delete_rows
from shared.audit.jobs import latest_rows, succeeded_rows
from shared.audit.table import (
    CALLS,
    CANCELLED,
    HOUSEKEEPING,
    MAINTENANCE,
    RUN_IDS,
    RUNS,
    WORKBOOK,
    Row,
    audit_table,
    newest_first,
    run_key,
)
from shared.housekeeping.budget import Budget

_ACTIVE_UPLOADS = {Outcome.ACTIVATED.value, Outcome.ROLLED_BACK.value}


def purge_audit_rows(before: datetime, running: Collection[str], budget: Budget) -> int:
    """Delete old rows, and say how many.

    Args:
        before: Rows of runs, uploads, calls and ticks from before that time are old.
        running: Ids of the active runs.
        budget: What this tick may still remove.
    """
    table = audit_table()
    deleted = _runs(table, before, running, budget)
    deleted += _histories(table, before, running, budget)
    deleted += delete_rows(table, budget.spend(_old_uploads(table, before)))
    for partition in (CALLS, HOUSEKEEPING, MAINTENANCE):
        deleted += delete_rows(table, budget.spend(_old(table, partition, before)))
    return deleted


def _runs(table: TableClient, before: datetime, running: Collection[str], budget: Budget) -> int:
    """A run's row goes last: it is what the rows of its jobs are found by."""
    deleted = 0
    for run in _old(table, RUNS, before, ["run_id"]):
        if run["run_id"] in running:
            continue
        deleted += delete_rows(table, budget.spend(_partition(table, run["run_id"])))
        deleted += delete_rows(table, budget.spend(_row_of(table, CANCELLED, run["run_id"])))
        if budget.left <= 0:
            break
        deleted += delete_rows(table, budget.spend(_row_of(table, RUN_IDS, run["run_id"])))
        deleted += delete_rows(table, budget.spend([run]))
    return deleted


def _histories(table: TableClient, before: datetime, running: Collection[str], budget: Budget) -> int:
    kept: dict[str, set[str]] = {}
    for row in chain(latest_rows(), succeeded_rows()):
        kept.setdefault(row["job_id"], set()).add(run_key(row["run_start_time"], row["run_id"]))
    deleted = 0
    for job_id, keys in kept.items():
        old = _old(table, f"job:{job_id}", before, ["run_id"])
        gone = (row for row in old if row["RowKey"] not in keys and row["run_id"] not in running)
        deleted += delete_rows(table, budget.spend(gone))
        if budget.left <= 0:
            break
    return deleted


def _old_uploads(table: TableClient, before: datetime) -> Iterator[Row]:
    """Old uploads but the last one that became active."""
    key, found_active = newest_first(before), False
    for row in _partition(table, WORKBOOK, ["status"]):
        is_active = not found_active and row["status"] in _ACTIVE_UPLOADS
        found_active = found_active or is_active
        if row["RowKey"] > key and not is_active:
            yield row


def _old(table: TableClient, partition: str, before: datetime, select: Collection[str] = ()) -> Iterator[Row]:
    """The rows of a partition sorted newest first that are from before a time."""
    query, parameters = "PartitionKey eq @key and RowKey gt @newest", {"key": partition, "newest": newest_first(before)}
    yield from table.query_entities(query, parameters=parameters, select=["PartitionKey", "RowKey", *select])


def _partition(table: TableClient, partition: str, select: Collection[str] = ()) -> Iterator[Row]:
    query, parameters = "PartitionKey eq @key", {"key": partition}
    yield from table.query_entities(query, parameters=parameters, select=["PartitionKey", "RowKey", *select])


def _row_of(table: TableClient, partition: str, run_id: str) -> Iterator[Row]:
    query = "PartitionKey eq @partition and RowKey eq @run_id"
    yield from table.query_entities(query, parameters={"partition": partition, "run_id": run_id})
