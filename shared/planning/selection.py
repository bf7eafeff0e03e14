"""Which jobs a run does, in which order, in which lanes; pure.

A lane is a queue of jobs of one source system, worked off one after another by one sub-orchestration. A source gets
as many lanes as it may run jobs at once: its limit then holds over all instances of the app, which the host's own
concurrency settings cannot promise because they count per instance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.jobs.schedules import is_due, quiet_until
from shared.jobs.wildcards import base_job_id
from shared.models.job import Job, Request
from shared.models.run import JobOptions, LastRun, RunRequest
from shared.workbook.configuration import Configuration


@dataclass
class Selection:
    """The jobs of a run, those that wait although they were wanted, and those that are not due yet."""

    jobs: list[Job] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    not_due: int = 0
    options: dict[str, JobOptions] = field(default_factory=dict)


def problems_of(request: RunRequest, configuration: Configuration) -> list[str]:
    """What is wrong with what a request names: one sentence each, an empty list if it can be planned."""
    problems = []
    for job_id in request.job_ids:
        job = configuration.job(job_id)
        if job is None:
            problems.append(f"job_ids: '{job_id}' is not a job of the active workbook")
        elif not job.enabled:
            problems.append(f"job_ids: '{job_id}' is disabled in the workbook (row {job.row}, enabled = N)")
    known_tags = {tag for job in configuration.jobs for tag in job.tags}
    problems += [f"tags: no job has the tag '{tag}'" for tag in request.tags if tag not in known_tags]
    return problems


def select(
    request: RunRequest,
    configuration: Configuration,
    activated_at: datetime,
    last_runs: Mapping[str, LastRun] | None = None,
    order_ids: Collection[str] = (),
) -> Selection:
    """The jobs that a request asks for: those it names or tags, those of its one-off requests, or all.

    Only a timer looks at schedules and quiet hours; who asks by hand means it.

    Args:
        request: The request.
        configuration: The active workbook.
        activated_at: When it became active: a job that never ran is due from then on.
        last_runs: What is known of earlier runs, by job id.
        order_ids: Of the orders that the request names, those that this run carries out; no two are for one job.
    """
    if request.request_ids:
        return _ordered(order_ids, configuration)
    last_starts = _last_starts(last_runs or {})
    selection = Selection()
    for job in configuration.jobs:
        if not job.enabled or not _is_named(job, request):
            continue
        if request.trigger == "timer":
            if not is_due(job.schedule, last_starts.get(job.job_id, activated_at), request.requested_at):
                selection.not_due += 1
                continue
            quiet = quiet_until(configuration.source(job.source_name).quiet_hours, request.requested_at)
            if quiet and not request.ignores_quiet_hours:
                selection.waiting[job.job_id] = (
                    f"Source '{job.source_name}' has quiet hours until {quiet:%H:%M} UTC; "
                    "the job runs at the next tick after them."
                )
                continue
        selection.jobs.append(job)
    if request.job_ids:
        named = {job.job_id for job in selection.jobs}
        expanded = (configuration.job(job_id) for job_id in request.job_ids if job_id not in named)
        selection.jobs += [job for job in expanded if job]
    return selection


def _is_named(job: Job, request: RunRequest) -> bool:
    if not request.job_ids and not request.tags:
        return True
    return job.job_id in request.job_ids or not set(request.tags).isdisjoint(job.tags)


def _last_starts(last_runs: Mapping[str, LastRun]) -> dict[str, datetime]:
    """When each job of the workbook last began; a wildcard job began when one of its tables did."""
    starts: dict[str, datetime] = {}
    for job_id, last in last_runs.items():
        own = base_job_id(job_id)
        starts[own] = max(last.started_at, starts.get(own, last.started_at))
    return starts


def _ordered(order_ids: Collection[str], configuration: Configuration) -> Selection:
    """The jobs of the workbook's one-off requests."""
    selection = Selection()
    for order in configuration.requests:
        job = configuration.job(order.job_id)
        if order.request_id in order_ids and job:
            selection.jobs.append(job)
            selection.options[job.job_id] = _options(order)
    return selection


def _options(order: Request) -> JobOptions:
    return JobOptions(full_refresh=order.action == "full_refresh", start=order.start, end=order.end)
