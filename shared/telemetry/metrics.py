"""Metrics of loads, and how far the lake lags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry import metrics

from shared.jobs.watermarks import as_moment
from shared.models.attempt import JobResult, JobStatus

_meter = metrics.get_meter("excel-to-lake")
_rows = _meter.create_counter("ingestion.rows", "{row}", "Rows written to the lake")
_bytes = _meter.create_counter("ingestion.bytes", "By", "Bytes written to the lake")
_seconds = _meter.create_histogram("ingestion.attempt.duration", "s", "Attempts, by status, and their stages")
_failures = _meter.create_counter("ingestion.failures", "{attempt}", "Failed attempts, by kind of error")
_success_lag = _meter.create_gauge("ingestion.lag", "s", "Time since the last load that succeeded began")
_watermark_lag = _meter.create_gauge("ingestion.watermark.lag", "s", "Time since the last row, by its watermark")


def record_attempt(result: JobResult) -> None:
    """Count what an attempt brought, or why it failed; nothing of one that only waits."""
    if not result.was_tried:
        return
    job = {"job_id": result.job_id}
    _rows.add(result.rows_written, job)
    _bytes.add(result.bytes_written, job)
    for stage, seconds in result.duration_seconds.items():
        _seconds.record(seconds, {"stage": stage, "status": result.status.value})
    if result.error and result.status is JobStatus.FAILED:
        _failures.add(1, job | {"kind": result.error.kind})


def record_lags(jobs: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Measure how far enabled jobs lag.

    Args:
        jobs: As `GET /api/jobs` shows them.
        now: The time, UTC.
    """
    for job in jobs:
        success = job["last_success"]
        if job["enabled"] and success:
            _success_lag.set((now - success["start_time"]).total_seconds(), {"job_id": job["job_id"]})
            if reached := watermark_time(success.get("watermark_after", "")):
                _watermark_lag.set((now - reached).total_seconds(), {"job_id": job["job_id"]})


def watermark_time(watermark: str) -> datetime | None:
    """The time that a watermark is, UTC if it has no zone; None for numbers and other texts."""
    moment = as_moment(watermark)
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
