"""When notifications are sent: after a run, after an upload, and on a timer. Nothing here ever fails its caller.

What could not be delivered waits in the audit table, and the timer sends it with what came since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec

from shared.activation.uploads import Activation, Outcome
from shared.audit.jobs import job_rows, latest_rows
from shared.audit.runs import running_runs
from shared.jobs.wildcards import base_job_id
from shared.models.attempt import JobStatus
from shared.models.run import RunOutcome
from shared.notifications.channels import channel_for
from shared.notifications.incidents import (
    Incident,
    Kind,
    begin_sending,
    change_incidents,
    changed,
    incident_key,
    mark_notified,
    mark_refused,
    sole_sender,
)
from shared.notifications.message import compose
from shared.notifications.webhook import NotificationError
from shared.settings import settings

log = logging.getLogger(__name__)

P = ParamSpec("P")

UNNOTICED_FOR = timedelta(hours=1)
"""How long ago a failure is noticed that was not notified; older ones were there before the webhook was."""


def _never_failing(notify: Callable[P, None]) -> Callable[P, None]:
    """Notify only if a webhook is set; log what goes wrong."""

    @wraps(notify)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        if not settings().notify_webhook_url:
            return
        try:
            notify(*args, **kwargs)
        except NotificationError as error:
            log.warning("No notification was sent, the next tick tries again: %s", error)
        except Exception:
            log.exception("No notification was sent, the next tick tries again")

    return guarded


@_never_failing
def notify_of_run(run: RunOutcome) -> None:
    """Notify of the jobs of a run that broke and of those that work again; one message for all of them."""
    run_id = run.request.run_id
    rows = list(job_rows(run_id))
    of_run = {row["job_id"] for row in rows}
    broken = [_failure(row) for row in rows if row["status"] == JobStatus.FAILED.value]
    doubtful = [
        Incident(Kind.WARNING, row["job_id"], row["warnings"][0], run_id)
        for row in rows
        if row["status"] == JobStatus.SUCCESS.value and row.get("warnings")
    ]
    loaded = [row["job_id"] for row in rows if row["status"] == JobStatus.SUCCESS.value]
    loaded += {base_job_id(job_id) for job_id in loaded}
    well = {incident_key(kind, job_id) for job_id in loaded for kind in (Kind.JOB, Kind.OVERDUE, Kind.WARNING)}
    broken += doubtful
    if run.error and not run.was_terminated:
        broken.append(Incident(Kind.RUN, "", run.error.message, run_id))
    else:
        well.add(incident_key(Kind.RUN, ""))
    well -= {incident.key for incident in broken}

    def news(known: Mapping[str, Incident]) -> list[Incident]:
        found = changed(known, broken, well)
        if not any(incident.subject in of_run for incident in found):
            return found
        last = {row["job_id"]: row["run_id"] for row in latest_rows()}  # a later run may have ended before this one
        return [one for one in found if one.subject not in of_run or last.get(one.subject, run_id) == run_id]

    _notify(news)


def _failure(row: Mapping[str, Any]) -> Incident:
    return Incident(Kind.JOB, row["job_id"], row.get("error_message", "No error is known."), row["run_id"])


@_never_failing
def notify_of_upload(activation: Activation) -> None:
    """Notify of an upload that was refused, and of the next one that was not."""
    if activation.outcome is Outcome.REFUSED:
        problems = activation.problems
        sentence = f"{len(problems)} problem(s), the first: {problems[0]}"
        _notify_of([Incident(Kind.WORKBOOK, activation.refused_folder or "", sentence)])
    elif activation.outcome in (Outcome.ACTIVATED, Outcome.UNCHANGED):
        _notify(lambda known: changed(known, [], [key for key, one in known.items() if one.kind is Kind.WORKBOOK]))


@_never_failing
def notify_of_given_up(place: str) -> None:
    """Notify of an upload that the host has given up; the next one that is taken in ends it.

    Args:
        place: Container, blob and version.
    """
    sentence = f"The host gave up an upload after five failures: {place}. The app takes it in as soon as it can."
    _notify_of([Incident(Kind.WORKBOOK, "given-up", sentence)])


@_never_failing
def notify_of_settings(problems: Mapping[str, str]) -> None:
    """Notify of functions that the host has switched off because of a setting, and of settings that are right again.

    Args:
        problems: A sentence by setting.
    """
    broken = [Incident(Kind.SETTING, name, sentence) for name, sentence in problems.items()]

    def news(known: Mapping[str, Incident]) -> list[Incident]:
        settings_ = (incident for incident in known.values() if incident.kind is Kind.SETTING)
        return changed(known, broken, [one.key for one in settings_ if one.subject not in problems])

    _notify(news)


@_never_failing
def notify_of_time(describe: Callable[[], Sequence[Mapping[str, Any]]], now: datetime) -> None:
    """Notify of jobs that are overdue, and of what could not be sent or was not noticed before.

    Args:
        describe: Reads the jobs of the active workbook as `GET /api/jobs` shows them.
        now: The time, UTC.
    """

    def news(known: Mapping[str, Incident]) -> list[Incident]:
        jobs = describe()
        failed, loaded = _last_results(jobs, now - UNNOTICED_FOR)
        running = {row["run_id"] for row in running_runs()} if failed else ()  # whose jobs may be tried again
        failed = [incident for incident in failed if incident.run_id not in running]
        seen = changed(known, failed, loaded)
        now_known = {**known, **{incident.key: incident for incident in seen}}
        failing = {one.subject for one in now_known.values() if one.kind is Kind.JOB and one.open}
        overdue = [one for one in _overdue(jobs, now) if one.subject not in failing]
        idle = _idle(known.values(), {job["job_id"] for job in jobs if job["enabled"]}) if jobs else []
        return [*seen, *changed(known, overdue, []), *idle]

    _notify(news)


def _overdue(jobs: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Incident]:
    tolerance = timedelta(minutes=settings().notify_overdue_minutes)
    for job in jobs:
        if job["overdue_since"] and job["overdue_since"] + tolerance <= now:
            yield Incident(Kind.OVERDUE, job["job_id"], f"A load was due by {job['overdue_since']:%Y-%m-%d %H:%M} UTC.")


def _last_results(jobs: Iterable[Mapping[str, Any]], since: datetime) -> tuple[list[Incident], set[str]]:
    """How jobs ended last, notified or not: those that failed lately, and the keys of those that loaded.

    A wildcard job fails and loads as its tables do.
    """
    failed, loaded = [], set()
    for job in jobs:
        results = job.get("tables") or {job["job_id"]: job["last_result"] or {}}
        for job_id, result in results.items():
            if not job["enabled"]:
                continue
            if result.get("status") == JobStatus.SUCCESS.value:
                loaded.add(incident_key(Kind.JOB, job_id))
            elif result.get("status") == JobStatus.FAILED.value and result["end_time"] > since:
                failed.append(_failure(result | {"job_id": job_id}))
    return failed, loaded


def _idle(incidents: Iterable[Incident], enabled: Collection[str]) -> list[Incident]:
    """The incidents of jobs that no longer run, closed without a message."""
    return [
        replace(incident, open=False, notified_open=False, in_doubt=False)
        for incident in incidents
        if incident.kind in (Kind.JOB, Kind.OVERDUE, Kind.WARNING)
        and (incident.open or incident.is_unreported)
        and base_job_id(incident.subject) not in enabled
    ]


def _notify_of(broken: Iterable[Incident]) -> None:
    _notify(lambda known: changed(known, broken, []))


def _notify(news: Callable[[Mapping[str, Incident]], Iterable[Incident]]) -> None:
    """Write what changed, then send every incident that waits for a message."""
    url = settings().notify_webhook_url
    if not url or not any(incident.is_unreported for incident in change_incidents(news).values()):
        return
    with sole_sender() as may_send:
        if may_send:
            _send(url.get_secret_value())


def _send(address: str) -> None:
    """Send one message about all that waits; a sender that dies in the middle of it leaves that in doubt."""
    unreported, doubtful = begin_sending()
    if not unreported:
        return
    message = compose(unreported, settings().base_url)
    try:
        channel_for(address).send(address, message)
    except NotificationError as error:
        if not error.may_have_arrived:
            mark_refused(unreported, doubtful)
        raise
    mark_notified(unreported)
    log.info("Notified: %s", message.title)
