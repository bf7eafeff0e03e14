"""What `GET /api/jobs` and the watch know of every job: when it runs next, how it last ended, whether it is overdue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from shared.activation.store import configuration_store
from shared.activation.versions import Snapshot
from shared.audit.jobs import latest_rows, succeeded_rows
from shared.jobs.schedules import next_start, overdue_since
from shared.jobs.wildcards import base_job_id, is_wildcard
from shared.models.attempt import JobStatus, LoadFigures
from shared.models.job import Job
from shared.settings import settings
from shared.workbook.configuration import Configuration

_CELLS = (
    *("job_id", "row", "enabled", "source_type", "source_name", "schema_name", "table_name", "api_endpoint"),
    *("load_type", "table_format", "watermark_column", "tags", "priority", "schedule"),
)


_SUCCESS = ("run_id", "start_time", "end_time", "duration_seconds", *LoadFigures.model_fields)
_RESULT = (*_SUCCESS, "status", "error_kind", "error_message")


Results = Mapping[str, Mapping[str, Any]]
Times = dict[str, datetime | None]


class Timing(NamedTuple):
    """What decides when jobs run and when they are overdue.

    Attributes:
        timer: The schedule of the app's timer; blank, or one that the host cannot read, if it never ticks.
        activated_at: When the configuration became active: a job that never ran is due from then on.
        grace: How long a load may take if the job does not say it.
        now: The time, UTC.
        zone: Whose clock the timer's schedule means.
    """

    timer: str
    activated_at: datetime
    grace: timedelta
    now: datetime
    zone: tzinfo = UTC


def active_jobs(now: datetime) -> list[dict[str, Any]]:
    """Every job of the active workbook as it is now; none if no workbook is active.

    Args:
        now: The time, UTC.
    """
    active = configuration_store().active()
    if active is None:
        return []
    return describe_jobs(active.configuration, _by_job(latest_rows()), _by_job(succeeded_rows()), timing(active, now))


def timing(active: Snapshot, now: datetime) -> Timing:
    """What decides when the jobs of a version run, by the app's settings.

    Args:
        active: The version.
        now: The time, UTC.
    """
    grace = timedelta(minutes=settings().job_timeout_minutes)
    return Timing(settings().ingestion_schedule, active.version.activated_at, grace, now, settings().time_zone)


def describe_jobs(
    configuration: Configuration, latest: Results, succeeded: Results, timing: Timing
) -> list[dict[str, Any]]:
    """What `GET /api/jobs` shows of every job.

    Args:
        configuration: The active configuration.
        latest: The audit row of the last run of every job, by job id.
        succeeded: That of its last run that succeeded.
        timing: What decides when jobs run.
    """
    described: list[dict[str, Any]] = []
    for job, job_ids in _with_tables(configuration, latest):
        last, success = latest.get(job.job_id), succeeded.get(job.job_id)
        shown = {
            **{name: getattr(job, name) for name in _CELLS},
            **_times(job, job_ids, configuration, latest, succeeded, timing),
            "last_result": _shown(last, _RESULT) if last else None,
            "last_success": _shown(success, _SUCCESS) if success else None,
        }
        if is_wildcard(job):
            shown["tables"] = {job_id: _shown(latest[job_id], _RESULT) for job_id in job_ids[1:]}
        described.append(shown)
    return described


def times_of_jobs(configuration: Configuration, latest: Results, succeeded: Results, timing: Timing) -> list[Times]:
    """When every job runs next and since when it is overdue, of what `describe_jobs` shows."""
    return [
        _times(job, job_ids, configuration, latest, succeeded, timing)
        for job, job_ids in _with_tables(configuration, latest)
    ]


def _with_tables(configuration: Configuration, latest: Results) -> Iterator[tuple[Job, list[str]]]:
    """Every job with its id and, of a wildcard job, those of its tables that have run."""
    tables: dict[str, list[str]] = {}
    for job_id in latest:
        if job_id != base_job_id(job_id):
            tables.setdefault(base_job_id(job_id), []).append(job_id)
    for job in configuration.jobs:
        yield job, [job.job_id, *(tables.get(job.job_id, ()) if is_wildcard(job) else ())]


def count_described(jobs: Iterable[Mapping[str, Any]], running: Collection[str]) -> dict[str, int]:
    """How many jobs there are of each kind; each table of a wildcard job counts as a job, too.

    Args:
        jobs: What `describe_jobs` returned.
        running: The ids of the jobs that run now or wait.
    """
    counted = Counter[str](running=len(running))
    for job in jobs:
        known = {job["job_id"]: job["last_result"], **job.get("tables", {})}
        results = [None if job_id in running else result for job_id, result in known.items()]
        counted["total"] += len(results)
        counted["overdue"] += job["overdue_since"] is not None
        if job["enabled"]:
            counted["enabled"] += len(results)
            counted["failed"] += sum((result or {}).get("status") == JobStatus.FAILED.value for result in results)
            counted["warned"] += sum(bool((result or {}).get("warnings")) for result in results)
    return {name: counted[name] for name in ("total", "enabled", "running", "failed", "overdue", "warned")}


def _times(
    job: Job,
    job_ids: Iterable[str],
    configuration: Configuration,
    latest: Results,
    succeeded: Results,
    timing: Timing,
) -> Times:
    times: Times = {"next_due": None, "overdue_since": None}
    if job.enabled:
        quiet = configuration.source(job.source_name).quiet_hours
        grace = timedelta(minutes=job.timeout_minutes) if job.timeout_minutes else timing.grace
        since = _last_start(job_ids, latest) or timing.activated_at
        success = _last_start(job_ids, succeeded) or timing.activated_at
        try:
            times["next_due"] = next_start(timing.timer, job.schedule, quiet, since, timing.now, timing.zone)
            times["overdue_since"] = overdue_since(
                timing.timer, job.schedule, quiet, success, grace, timing.now, timing.zone
            )
        except ValueError:  # the timer never ticks: the watch and the health check report why
            return times
    return times


def _last_start(job_ids: Iterable[str], rows: Results) -> datetime | None:
    return max((rows[job_id]["run_start_time"] for job_id in job_ids if job_id in rows), default=None)


def _by_job(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {row["job_id"]: row for row in rows}


def _shown(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}
