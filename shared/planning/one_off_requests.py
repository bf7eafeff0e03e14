"""One-off requests, the rows of the sheet Requests: each is carried out once, by the run that claims it.

A claim is a row of the audit table named after the request, which can be inserted once. So it does not matter how
often an upload is handled, a run is planned, or a version with old requests becomes active again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import UpdateMode

from shared.audit.jobs import job_rows
from shared.audit.table import REQUEST, Row, audit_table, request_rows
from shared.jobs.wildcards import base_job_id
from shared.models.attempt import JobStatus
from shared.models.job import Request
from shared.models.run import RunRequest
from shared.workbook.configuration import Configuration

STARTED = "STARTED"


WAITING = "WAITING"


_OUTCOME = ("status", "run_id", "started_at", "ended_at")


def waiting_requests(configuration: Configuration) -> list[Request]:
    """The one-off requests that no run has claimed; those for disabled jobs wait for a version that enables them."""
    if not configuration.requests:
        return []
    claimed = {row["RowKey"] for row in request_rows()}
    return [order for order in configuration.requests if _key(order) not in claimed and _can_run(order, configuration)]


def claim_requests(request: RunRequest, configuration: Configuration, sha256: str) -> tuple[list[str], list[str]]:
    """Claim the one-off requests that a run names, one per job.

    Returns:
        The ids of the orders that are this run's, and of those that are left for a run after it because another
        order for the same job comes first. Orders that another run has claimed are in neither.
    """
    claimed: list[str] = []
    later: list[str] = []
    jobs: set[str] = set()
    for order in configuration.requests:
        if order.request_id not in request.request_ids or not _can_run(order, configuration):
            continue
        if order.job_id in jobs:
            later.append(order.request_id)
        elif _claim(order, request.run_id, sha256):
            claimed.append(order.request_id)
            jobs.add(order.job_id)
    return claimed, later


def close_requests(run_id: str, without_job: JobStatus) -> None:
    """Write how the one-off requests of a run ended: as its jobs did.

    Args:
        run_id: The run.
        without_job: How a request ended whose job the run did not come to.
    """
    started = [row for row in started_requests() if row["run_id"] == run_id]
    if not started:
        return
    statuses: dict[str, set[str]] = defaultdict(set)
    for row in job_rows(run_id):
        statuses[base_job_id(row["job_id"])].add(row["status"])
    for row in started:
        ended = {**row, "status": _outcome(statuses[row["job_id"]], without_job), "ended_at": datetime.now(UTC)}
        audit_table().upsert_entity(ended, mode=UpdateMode.REPLACE)


def hand_over_requests(run_id: str, new_run_id: str) -> tuple[str, ...]:
    """Give the one-off requests that a run has not carried out to another run; may be done again.

    Returns:
        Their ids, with those that the other run has already.
    """
    succeeded = {base_job_id(row["job_id"]) for row in job_rows(run_id) if row["status"] == JobStatus.SUCCESS.value}
    handed_over = []
    for row in started_requests():
        if row["run_id"] == run_id and row["job_id"] not in succeeded:
            audit_table().upsert_entity({**row, "run_id": new_run_id}, mode=UpdateMode.REPLACE)
        elif row["run_id"] != new_run_id:
            continue
        handed_over.append(row["request_id"])
    return tuple(handed_over)


def started_requests() -> list[Row]:
    """The one-off requests that a run has claimed and not yet carried out."""
    return [row for row in request_rows() if row["status"] == STARTED]


def requests_and_outcomes(configuration: Configuration) -> list[dict[str, Any]]:
    """Every one-off request of the active configuration with what became of it.

    That is WAITING, STARTED, or the status of its job. What it confirmed is done: the configuration is active.
    """
    rows: Mapping[str, Row] = {row["RowKey"]: row for row in request_rows()} if configuration.requests else {}
    return [
        {
            "request_id": order.request_id,
            "job_id": order.job_id,
            "action": order.action,
            "status": JobStatus.SUCCESS.value if order.action == "remove_jobs" else WAITING,
            **{name: row[name] for name in _OUTCOME if name in (row := rows.get(_key(order), {}))},
        }
        for order in configuration.requests
    ]


def _claim(order: Request, run_id: str, sha256: str) -> bool:
    """Whether the one-off request is this run's: claimed now, or when it was planned before its host died."""
    row = {
        "PartitionKey": REQUEST,
        "RowKey": _key(order),
        "run_id": run_id,
        "config_sha256": sha256,
        "status": STARTED,
        "started_at": datetime.now(UTC),
        **order.to_json(),
    }
    try:
        audit_table().create_entity(row)
    except ResourceExistsError:
        return bool(audit_table().get_entity(REQUEST, _key(order))["run_id"] == run_id)
    return True


def _outcome(statuses: set[str], without_job: JobStatus) -> str:
    """One status for a one-off request; a wildcard has many jobs. No job means that the run was not planned."""
    if not statuses:
        return without_job.value
    return statuses.pop() if len(statuses) == 1 else JobStatus.FAILED.value


def _can_run(order: Request, configuration: Configuration) -> bool:
    job = configuration.job(order.job_id) if order.action != "remove_jobs" else None
    return job is not None and job.enabled


def _key(order: Request) -> str:
    return order.request_id.lower()
