"""Which watermarks are times, and what counts as a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.models.attempt import JobError, JobResult, JobStatus
from shared.telemetry import metrics
from shared.telemetry.metrics import record_attempt, watermark_time

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


class Counter:
    """Keeps what was counted, with its attributes."""

    def __init__(self) -> None:
        self.counted: list[dict[str, str]] = []

    def add(self, _amount: int, attributes: dict[str, str]) -> None:
        self.counted.append(attributes)


@pytest.mark.parametrize(
    ("status", "kind", "failures", "attempts"),
    [
        (JobStatus.SUCCESS, None, 0, 1),
        (JobStatus.FAILED, "source", 1, 1),
        (JobStatus.FAILED, "waiting", 0, 0),
        (JobStatus.FAILED, "still_held", 0, 0),
        (JobStatus.SKIPPED, "busy", 0, 1),
        (JobStatus.CANCELLED, "cancelled", 0, 1),
    ],
)
def test_an_attempt_that_waits_counts_as_none_and_only_a_failed_one_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, status: JobStatus, kind: str | None, failures: int, attempts: int
) -> None:
    failed, rows = Counter(), Counter()
    monkeypatch.setattr(metrics, "_failures", failed)
    monkeypatch.setattr(metrics, "_rows", rows)
    error = JobError(kind=kind, message="It did not load.", retryable=True) if kind else None
    times = {"started_at": MOMENT, "ended_at": MOMENT}
    record_attempt(JobResult(run_id="run-1", job_id="orders", status=status, error=error, **times))
    assert (len(failed.counted), len(rows.counted)) == (failures, attempts)


@pytest.mark.parametrize(
    ("watermark", "moment"),
    [
        ("2024-01-31T12:00:00+00:00", datetime(2024, 1, 31, 12, tzinfo=UTC)),
        ("2024-01-31T12:00:00+02:00", datetime(2024, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
        ("2024-01-31T12:00:00.123456789Z", datetime(2024, 1, 31, 12, 0, 0, 123456, UTC)),
        ("2024-01-31T12:00:00", datetime(2024, 1, 31, 12, tzinfo=UTC)),
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("20240131", None),
        ("-7", None),
        ("order-2024", None),
        ("", None),
    ],
)
def test_the_time_that_a_watermark_is(watermark: str, moment: datetime | None) -> None:
    assert watermark_time(watermark) == moment
