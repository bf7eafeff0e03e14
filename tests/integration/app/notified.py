"""Runs of whose end people are notified, and what the webhook got."""

from __future__ import annotations

from datetime import UTC, datetime

from activities.finish_run import finish_run
from shared.audit.jobs import record_job
from shared.audit.runs import record_run
from shared.models.attempt import JobError, JobResult, JobStatus
from shared.models.run import RunOutcome, RunRequest, Totals
from tests.builders import a_job
from tests.webhook_server import Webhook

NOW = datetime.now(UTC)
WEBHOOK_SECRET = "s3cret-path"


def a_run(
    run_id: str,
    *,
    ok: tuple[str, ...] = (),
    bad: tuple[str, ...] = (),
    doubtful: tuple[str, ...] = (),
    error: str | None = None,
    at: datetime = NOW,
) -> None:
    """A run that ends with these jobs; those that are doubtful load with a warning."""
    request = RunRequest(run_id=run_id, trigger="timer", requested_at=at)
    record_run(request, "RUNNING", {})
    failure = JobError(kind="source", message="Table 'orders' does not exist. The driver says much more.")
    for job_id in (*ok, *bad, *doubtful):
        status, reason = (JobStatus.FAILED, failure) if job_id in bad else (JobStatus.SUCCESS, None)
        result = JobResult(
            run_id=run_id,
            job_id=job_id,
            status=status,
            started_at=NOW,
            ended_at=NOW,
            error=reason,
            load_id="1.0",
            warnings=(f"The watermark of {job_id} is in the future.",) if job_id in doubtful else (),
        )
        record_job(result, at, a_job(job_id=job_id))
    finish(run_id, error, Totals(jobs_total=len(ok) + len(bad), jobs_succeeded=len(ok), jobs_failed=len(bad)))


def finish(run_id: str, error: str | None = None, totals: Totals = Totals()) -> None:  # noqa: B008  it is frozen
    request = RunRequest(run_id=run_id, trigger="timer", requested_at=NOW)
    problem = JobError(kind="configuration", message=error) if error else None
    finish_run(RunOutcome(request=request, totals=totals, error=problem).to_json())


def titles(webhook: Webhook) -> list[str]:
    return [message["title"].removeprefix("Excel to lake: ") for message in webhook.messages]
