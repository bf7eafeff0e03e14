"""The route that lists the jobs of the active workbook, in pages or as what has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from azure.durable_functions import DurableOrchestrationClient

from shared.activation.store import configuration_store
from shared.activation.versions import Snapshot
from shared.api.answers import JobList
from shared.api.http import ProblemError
from shared.api.queries import JobsQuery
from shared.api.tokens import JobsAsOf, JobsPage, cut
from shared.audit.followed import Rows, followed_latest, followed_succeeded
from shared.audit.table import Row
from shared.jobs.wildcards import base_job_id
from shared.planning.overview import count_described, describe_jobs, times_of_jobs, timing
from shared.runs.current import current_attempts
from shared.telemetry.invocation import in_thread

_NOTHING_ACTIVE = "There is no active configuration; GET /api/config has the last refusal."
_OTHER_VERSION = "The workbook has changed since the first page; ask again without `continuation`."

Described = Mapping[str, Any]


async def list_jobs(client: DurableOrchestrationClient, query: JobsQuery) -> JobList:
    """Answer `GET /api/jobs`: 404 if nothing is active, 409 for a page of another version."""
    return await in_thread(_jobs, query, await current_attempts(client))


def _jobs(query: JobsQuery, current: Sequence[Row]) -> JobList:
    active = configuration_store().active()
    if active is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, _NOTHING_ACTIVE)
    sha256 = active.version.sha256
    if query.page and query.page.as_of.config_sha256 != sha256:
        raise ProblemError(HTTPStatus.CONFLICT, _OTHER_VERSION)
    latest, succeeded, now = followed_latest(), followed_succeeded(), datetime.now(UTC)
    jobs = describe_jobs(active.configuration, latest.by_key, succeeded.by_key, timing(active, now))
    attempts = _by_job(current)
    for job in jobs:
        job["current"] = attempts.get(job["job_id"], [])

    since = query.page.since if query.page else query.since
    if since and since.config_sha256 != sha256:
        since = None
    as_of = query.page.as_of if query.page else JobsAsOf(config_sha256=sha256, rows=latest.as_of, clock=now)
    listed = _changed(jobs, since, active, latest, succeeded) if since else iter(range(len(jobs)))
    first = query.page.after if query.page else 0
    places, has_more = cut((place for place in listed if place >= first), query.limit)
    following = JobsPage(after=places[-1] + 1, as_of=as_of, since=since).encode() if has_more else None
    return JobList.model_validate(
        {
            "config_sha256": sha256,
            "counts": count_described(jobs, {row["job_id"] for row in current}),
            "jobs": [jobs[place] for place in places],
            "only_changes": since is not None,
            "continuation": following,
            "as_of": as_of.encode(),
        }
    )


def _changed(
    jobs: Sequence[Described], since: JobsAsOf, active: Snapshot, latest: Rows, succeeded: Rows
) -> Iterator[int]:
    """The places of the jobs that are not what they were, and of all that run now.

    What runs no longer has a row that was written since, or is missing among those that run now.
    """
    written = {base_job_id(key) for key in latest.changed_since(since.rows)}
    before = times_of_jobs(active.configuration, latest.by_key, succeeded.by_key, timing(active, since.clock))
    for place, (job, earlier) in enumerate(zip(jobs, before, strict=True)):
        if job["current"] or job["job_id"] in written or any(job[name] != time for name, time in earlier.items()):
            yield place


def _by_job(current: Sequence[Row]) -> Mapping[str, list[Row]]:
    """The current attempts of each job of the workbook; those of a wildcard are the ones of its tables."""
    attempts: dict[str, list[Row]] = defaultdict(list)
    for row in current:
        attempts[base_job_id(row["job_id"])].append(row)
    return attempts
