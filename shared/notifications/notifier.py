"""When notifications are sent: after a run, after an upload, and on a timer. Nothing here ever fails its caller.

What could not be delivered waits in the audit table, and the timer sends it with what came since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec

from shared.activation.uploads import Activation, Outcome
from shared.audit.jobs import job_rows
from shared.jobs.wildcards import base_job_id
from shared.models.attempt import JobStatus
from shared.models.run import RunOutcome
from shared.notifications.channels import channel_for
from shared.notifications.incidents import (
    Incident,
    Kind,
    changed,
    incident_key,
    mark_notified,
    read_incidents,
    sole_sender,
    write_incidents,
)
from shared.notifications.message import compose
from shared.notifications.webhook import NotificationError
from shared.settings import settings

log = logging.getLogger(__name__)

P = ParamSpec("P")


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
    broken = [
        Incident(Kind.JOB, row["job_id"], row.get("error_message", "No error is known."), run_id)
        for row in rows
        if row["status"] == JobStatus.FAILED.value
    ]
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
    _notify(broken, well - {incident.key for incident in broken})


@_never_failing
def notify_of_upload(activation: Activation) -> None:
    """Notify of an upload that was refused, and of the next one that was not."""
    if activation.outcome is Outcome.REFUSED:
        problems = activation.problems
        sentence = f"{len(problems)} problem(s), the first: {problems[0]}"
        _notify([Incident(Kind.WORKBOOK, activation.refused_folder or "", sentence)], [])
    elif activation.outcome in (Outcome.ACTIVATED, Outcome.UNCHANGED):
        refused = [key for key, incident in read_incidents().items() if incident.kind is Kind.WORKBOOK]
        _notify([], refused)


@_never_failing
def notify_of_given_up(place: str) -> None:
    """Notify of an upload that the host has given up; the next one that is taken in ends it.

    Args:
        place: Container, blob and version.
    """
    sentence = f"The host gave up an upload after five failures: {place}. The app takes it in as soon as it can."
    _notify([Incident(Kind.WORKBOOK, "given-up", sentence)], [])


@_never_failing
def notify_of_settings(problems: Mapping[str, str]) -> None:
    """Notify of functions that the host has switched off because of a setting, and of settings that are right again.

    Args:
        problems: A sentence by setting.
    """
    known = [incident for incident in read_incidents().values() if incident.kind is Kind.SETTING]
    broken = [Incident(Kind.SETTING, name, sentence) for name, sentence in problems.items()]
    _notify(broken, [incident.key for incident in known if incident.subject not in problems])


@_never_failing
def notify_of_time(jobs: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Notify of jobs that are overdue, and of what could not be sent before.

    Args:
        jobs: Those of the active workbook, as `GET /api/jobs` shows them.
        now: The time, UTC.
    """
    tolerance = timedelta(minutes=settings().notify_overdue_minutes)
    known = read_incidents()
    overdue = [
        Incident(Kind.OVERDUE, job["job_id"], f"A load was due by {job['overdue_since']:%Y-%m-%d %H:%M} UTC.")
        for job in jobs
        if job["overdue_since"] and job["overdue_since"] + tolerance <= now
    ]
    failing = {incident.subject for incident in known.values() if incident.kind is Kind.JOB and incident.open}
    if jobs:
        _forget_idle(known.values(), {job["job_id"] for job in jobs if job["enabled"]})
    _notify([incident for incident in overdue if incident.subject not in failing], [])


def _forget_idle(incidents: Iterable[Incident], enabled: Collection[str]) -> None:
    """Close the incidents of jobs that no longer run, without a message."""
    idle = [
        Incident(incident.kind, incident.subject, incident.sentence, incident.run_id, open=False, notified_open=False)
        for incident in incidents
        if incident.kind in (Kind.JOB, Kind.OVERDUE, Kind.WARNING)
        and (incident.open or incident.notified_open)
        and base_job_id(incident.subject) not in enabled
    ]
    write_incidents(idle)


def _notify(broken: Iterable[Incident], well: Collection[str]) -> None:
    """Write what changed, then send every incident that waits for a message."""
    write_incidents(changed(read_incidents(), broken, well))
    with sole_sender() as may_send:
        unreported = [incident for incident in read_incidents().values() if incident.is_unreported] if may_send else []
        url = settings().notify_webhook_url
        if unreported and url:
            message = compose(unreported, settings().base_url)
            address = url.get_secret_value()
            channel_for(address).send(address, message)
            mark_notified(unreported)
            log.info("Notified: %s", message.title)
