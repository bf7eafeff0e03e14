"""The audit table: what every run and every job did, readable with any Table Storage client.

| PartitionKey | RowKey | holds |
| --- | --- | --- |
| run_id | job_id | the last attempt of one job of one run |
| `job:{job_id}` | inverted start of the run, run_id | the same row as a job's history, newest first |
| `latest` | job_id | the same row again: the last run of every job in one partition |
| `succeeded` | job_id | the same row again if it succeeded: the last good load of every job |
| `runs` | inverted start, run_id | one run, newest first |
| `run_ids` | run_id | where the row of that run is |
| `cancelled` | run_id | the request to cancel a run |
| `late` | run_id | a run that has ended while its loads may continue: the watch looks at it again |
| `ledger:{job_id}` | inverted time of the load | one committed load: its watermarks and figures |
| `rewind:{job_id}` | inverted time | one watermark that was set by hand |
| `request` | request_id | one one-off request: which run carries it out, and how that ended |
| `workbook` | inverted time, SHA-256 | one upload: activated or refused, and why; one rollback |
| `calls` | inverted time, a random part | one call that may change something: the caller, and how it was answered |
| `incident` | kind and subject | what is or was broken, and whether that was notified |
| `housekeeping` | inverted time | one tick of the housekeeping: what it removed |
| `maintenance` | inverted time, job_id, a number | one table: what a maintenance did to it |

Every row is an upsert under a key that follows from its content: writing it again writes the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.audit.properties import as_row
from shared.identity import table_service
from shared.settings import settings

RUNS = "runs"


RUN_IDS = "run_ids"


WORKBOOK = "workbook"


RUNNING = "RUNNING"


CANCELLED = "cancelled"


LATEST = "latest"


SUCCEEDED = "succeeded"


REQUEST = "request"


HOUSEKEEPING = "housekeeping"


MAINTENANCE = "maintenance"


INCIDENT = "incident"


CALLS = "calls"


STARTING = "starting"


LATE = "late"


PARTITIONS = frozenset(
    {
        RUNS,
        RUN_IDS,
        WORKBOOK,
        CANCELLED,
        LATEST,
        SUCCEEDED,
        REQUEST,
        HOUSEKEEPING,
        MAINTENANCE,
        INCIDENT,
        CALLS,
        STARTING,
        LATE,
    }
)


"""The partitions that are not named after a run or a job: no run may bear one of these names."""


Row = Mapping[str, Any]


def newest_first(moment: datetime) -> str:
    """A key part that sorts later moments first: 13 digits, milliseconds since 1970 counted down from the year 2286."""
    last = 10**13 - 1
    return f"{last - min(max(int(moment.timestamp() * 1000), 0), last):013d}"


def run_key(run_started_at: datetime, run_id: str) -> str:
    """The row key of a run, among the runs and in each job's history."""
    return f"{newest_first(run_started_at)}-{run_id}"


@cache
def audit_table() -> TableClient:
    """The audit table, created if it does not exist yet."""
    return table_service("AuditStorage").create_table_if_not_exists(settings().audit_table)


def replace_row(
    key: Mapping[str, str], values: Mapping[str, Any], may_replace: Callable[[Row], bool], etag: str | None = None
) -> bool:
    """Write a row if there is none, or if the existing one may go; after a write in between it is asked again.

    Args:
        key: PartitionKey and RowKey.
        values: The properties.
        may_replace: Given the row that is there; may complete `values` from it.
        etag: Of a row that may be replaced, if it is still there unchanged: it then need not be read.

    Returns:
        Whether the row is written.
    """
    table = audit_table()
    if etag:
        with suppress(ResourceModifiedError, ResourceNotFoundError):
            update_unchanged({**key, **values}, etag)
            return True
    while True:
        try:
            found = table.get_entity(key["PartitionKey"], key["RowKey"])
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                table.create_entity({**key, **values})
                return True
            continue
        if not may_replace(found):
            return False
        with suppress(ResourceModifiedError, ResourceNotFoundError):
            update_unchanged({**key, **values}, found.metadata["etag"])
            return True


def update_unchanged(row: Mapping[str, Any], etag: str | None) -> str:
    """Replace a row if it has not changed since; returns its new ETag.

    Raises:
        ResourceModifiedError: it has changed.
        ResourceNotFoundError: it is gone.
    """
    condition = MatchConditions.IfNotModified
    written = audit_table().update_entity(row, UpdateMode.REPLACE, etag=etag, match_condition=condition)
    return str(written["etag"])


def request_rows() -> Iterator[Row]:
    """The one-off requests of the sheet Requests that a run has claimed."""
    return partition(REQUEST)


def partition(key: str) -> Iterator[Row]:
    """The rows of one partition, ordered by RowKey; none if the table does not exist."""
    try:
        yield from map(as_row, audit_table().query_entities("PartitionKey eq @key", parameters={"key": key}))
    except ResourceNotFoundError:
        return
