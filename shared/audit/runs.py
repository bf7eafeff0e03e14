"""What is recorded of runs: their start, their end, and the request to cancel one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableEntity, UpdateMode

from shared.audit.properties import as_properties, as_row
from shared.audit.table import (
    CANCELLED,
    LATE,
    RUN_IDS,
    RUNNING,
    RUNS,
    STARTING,
    Row,
    audit_table,
    newest_first,
    replace_row,
    run_key,
)
from shared.models.run import RunRequest, RunStatus

log = logging.getLogger(__name__)


STARTING_TAKES_AT_MOST = timedelta(minutes=2)


LOADS_MAY_END_FOR = timedelta(minutes=10)  # after their run: until a lost message has come again, and its load ended


LONGEST_RUN = timedelta(days=14)  # what began earlier and says RUNNING is not looked at any more


def record_run(request: RunRequest, status: str, totals: Mapping[str, Any]) -> bool:
    """Write the row of a run: once when it is planned, once more when it ends; what was planned stays in it.

    A plan that is carried out late, after its host was frozen, does not open again a run that has ended.

    Returns:
        Whether there is no other run of that id; if there is, nothing is written.
    """
    key = run_key(request.requested_at, request.run_id)
    if not _leads_to(request.run_id, key):  # first: a run that has a row can be found
        return False
    row_key = {"PartitionKey": RUNS, "RowKey": key}
    row = {
        "run_id": request.run_id,
        "trigger": request.trigger,
        "status": status,
        "start_time": request.requested_at,
        **as_properties(totals),
    }
    if status == RUNNING:
        replace_row(row_key, row, lambda found: bool(found["status"] == RUNNING))
    else:
        audit_table().upsert_entity(row_key | row, mode=UpdateMode.MERGE)
    return True


def _leads_to(run_id: str, key: str) -> bool:
    """Let the id of a run lead to its row; False if it leads to another one, which keeps it."""
    found = key

    def is_free(place: Row) -> bool:
        """Whether the run that has the id never got a row: it was terminated and purged before."""
        nonlocal found
        found = place["run_key"]
        if found != key and not _exists(found):
            found = key
            return True
        return False

    replace_row({"PartitionKey": RUN_IDS, "RowKey": run_id}, {"run_key": key}, is_free)
    return found == key


def _exists(key: str) -> bool:
    try:
        return bool(audit_table().get_entity(RUNS, key))
    except ResourceNotFoundError:
        return False


def claim_run_id(run_id: str) -> bool:
    """Keep others from starting a run of this id meanwhile; False if another call is about to start one."""
    now = datetime.now(UTC)
    key = {"PartitionKey": STARTING, "RowKey": run_id}
    return replace_row(key, {"time": now}, lambda found: bool(found["time"] < now - STARTING_TAKES_AT_MOST))


def release_run_id(run_id: str) -> None:
    """Release the claim of a run that was started or refused; a claim that cannot be released expires."""
    try:
        audit_table().delete_entity(STARTING, run_id)
    except Exception as error:
        log.info("The claim of run id %s could not be released: %s", run_id, error)


def record_stage(run_id: str, row_key: str, stage: str) -> None:
    """Write how far a run is, into the row that it has."""
    row = {"PartitionKey": RUNS, "RowKey": row_key, "run_id": run_id, "stage": stage}
    audit_table().upsert_entity(row, mode=UpdateMode.MERGE)


def read_again(row: Row) -> Row:
    """The row of a run as it is now."""
    return as_row(audit_table().get_entity(RUNS, row["RowKey"]))


def running_runs() -> Iterator[Row]:
    """The runs that are not closed, of those that may still run."""
    first = newest_first(datetime.now(UTC) - LONGEST_RUN)
    query = "PartitionKey eq @runs and status eq @running and RowKey lt @first"
    parameters = {"runs": RUNS, "running": RUNNING, "first": f"{first}."}
    yield from map(as_row, audit_table().query_entities(query, parameters=parameters))


def request_cancel(run_id: str) -> None:
    """Record the request to cancel a run; its jobs read it."""
    row = {"PartitionKey": CANCELLED, "RowKey": run_id, "time": datetime.now(UTC)}
    audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)


def cancel_requested(run_id: str) -> bool:
    """Whether a run was cancelled."""
    return cancel_requested_at(run_id) is not None


def cancel_requested_at(run_id: str) -> datetime | None:
    """When a run was cancelled, UTC; None if it was not."""
    query = "PartitionKey eq @cancelled and RowKey eq @run_id"
    parameters = {"cancelled": CANCELLED, "run_id": run_id}
    return next((row["time"] for row in audit_table().query_entities(query, parameters=parameters)), None)


def find_run(run_id: str) -> Row | None:
    """The row of one run, or None if the table has none."""
    try:
        key = audit_table().get_entity(RUN_IDS, run_id)["run_key"]
        return as_row(audit_table().get_entity(RUNS, key))
    except ResourceNotFoundError:
        return None


def find_unindexed_run(run_id: str) -> Row | None:
    """The row of a run that was recorded before there were rows in `run_ids`; all runs are read for it."""
    query, parameters = "PartitionKey eq @runs and run_id eq @run_id", {"runs": RUNS, "run_id": run_id}
    return next(map(as_row, audit_table().query_entities(query, parameters=parameters)), None)


def has_ended(run_id: str, run_started_at: datetime) -> bool:
    """Whether a run has a row that says that it has ended."""
    try:
        return bool(audit_table().get_entity(RUNS, run_key(run_started_at, run_id))["status"] != RUNNING)
    except ResourceNotFoundError:
        return False


def expect_late_loads(run_id: str, is_said: bool = True) -> str:
    """Note that loads may end after their run; written before whatever the watch would have to look for.

    Args:
        run_id: The run.
        is_said: Whether the log says how the run ended.

    Returns:
        The note's ETag.
    """
    until = datetime.now(UTC) + LOADS_MAY_END_FOR
    row = {"PartitionKey": LATE, "RowKey": run_id, "until": until, "is_said": is_said}
    return str(audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)["etag"])


def runs_with_late_loads() -> Iterator[TableEntity]:
    """The notes of `expect_late_loads`: RowKey is the run, `until` when its loads should have ended."""
    yield from audit_table().query_entities("PartitionKey eq @late", parameters={"late": LATE})


def expect_no_more_loads(run_id: str, etag: str) -> None:
    """Remove the note of a run, unless it was written again meanwhile."""
    note = {"PartitionKey": LATE, "RowKey": run_id}
    with suppress(ResourceModifiedError):
        audit_table().delete_entity(note, etag=etag, match_condition=MatchConditions.IfNotModified)


def any_run() -> bool:
    """Whether the app has ever planned a run.

    Raises:
        ResourceNotFoundError: the table is gone.
    """
    query, parameters = "PartitionKey eq @runs", {"runs": RUNS}
    found = audit_table().query_entities(query, parameters=parameters, select=["RowKey"], results_per_page=1)
    return next(iter(found), None) is not None


def last_success() -> datetime | None:
    """When the newest run that succeeded ended (UTC); None if the table has none."""
    query = "PartitionKey eq @runs and status eq @succeeded"
    parameters = {"runs": RUNS, "succeeded": RunStatus.SUCCEEDED.value}
    newest_first = audit_table().query_entities(query, parameters=parameters, results_per_page=1)
    row = next(map(as_row, newest_first), None)
    return row["end_time"] if row else None
