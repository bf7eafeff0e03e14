"""Where a load starts, decided before anything is read; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors.hierarchy import ConfigurationError, LakeError
from shared.jobs.destinations import dataset_path, destination_type
from shared.jobs.lake_layout import pipeline_name
from shared.loading.state import known_watermark
from shared.models.attempt import AttemptOrder, Rewind
from shared.models.job import Job, LoadType


@dataclass(frozen=True)
class StartingPoint:
    """Where a load starts, and which load it builds on."""

    base_load_id: str | None
    """The last committed load, None before the first. It must still be the last when the new load commits."""

    starts_over: bool
    """Whether the load ignores the watermark and replaces the table: a full refresh, or a rewind to the start."""

    watermark: str | None
    """The watermark after which an incremental load reads, as text; None if it reads from the start."""

    rewound: bool
    """Whether `watermark` was set by hand and no load has started there yet."""

    rewind_key: str | None
    """The last rewind that this load or an earlier one carried out; kept in the record, so that it happens once."""


def starting_point(
    job: Job,
    order: AttemptOrder,
    last: Mapping[str, Any] | None,
    state: Mapping[str, Any],
    loaded_before: str | None = None,
    rewind: Rewind | None = None,
) -> StartingPoint:
    """Decide where a load starts. A backfill carries out no rewind: it leaves the watermark alone.

    Args:
        job: The job.
        order: The attempt.
        last: The record of the last committed load; None if the lake has none.
        state: dlt's state as that load left it.
        loaded_before: The loads that the ledger has recorded, in words; None if it has none.
        rewind: The last watermark that was set by hand, whether or not a load has started there.

    Raises:
        LakeError: the loads in the lake are not those of this job and its watermark_column.
    """
    known = (last or {}).get("rewind")
    wanted = None if order.end else rewind
    pending = wanted if wanted and wanted.key != known else None
    starts_over = order.full_refresh or (pending is not None and pending.watermark is None)
    if not starts_over:
        _refuse_lost_loads(job, last, loaded_before)
        _refuse_loads_of_another_job(job, last)
    watermark = pending.watermark if pending else known_watermark(state, job, starts_over=starts_over)
    if watermark is None and not starts_over:
        _refuse_lost_state(job, last)
    return StartingPoint(
        base_load_id=last["load_id"] if last else None,
        starts_over=starts_over,
        watermark=watermark,
        rewound=pending is not None,
        rewind_key=wanted.key if wanted else known,
    )


def refuse_impossible_backfill(job: Job, order: AttemptOrder) -> None:
    """Check that the job can load a range again, if the attempt has one.

    Raises:
        ConfigurationError: it cannot.
    """
    if order.end is None:
        return
    if job.load_type is not LoadType.INCREMENTAL or job.table_format != "delta":
        raise ConfigurationError(
            f"Job '{job.job_id}' cannot load a range again: a backfill needs load_type INCREMENTAL and "
            f"table_format delta, and the job has {job.load_type.value} and {job.table_format}."
        )
    if not destination_type(job.destination).keeps_record and not job.primary_key:
        raise ConfigurationError(
            f"Job '{job.job_id}' cannot load a range again: with destination {job.destination} a backfill needs "
            "primary_key, by which it updates the rows of its range."
        )


def _refuse_lost_loads(job: Job, last: Mapping[str, Any] | None, loaded_before: str | None) -> None:
    """The watermark is lost with the loads: an incremental load would read everything again."""
    if last is None and loaded_before:
        raise LakeError(
            f"The ledger knows {loaded_before} of job '{job.job_id}', but the lake has no trace of any "
            f"load in {dataset_path(job)}. Bring the folder back, or request a full refresh of the job."
        )


def _refuse_lost_state(job: Job, last: Mapping[str, Any] | None) -> None:
    """Without dlt's state an incremental load would read everything again."""
    if job.load_type is LoadType.INCREMENTAL and last and last.get("watermark_after") is not None:
        raise LakeError(
            f"The last load of job '{job.job_id}' has ended at {last['watermark_after']}, but the lake has no trace of "
            f"that watermark in {dataset_path(job)}/_dlt_pipeline_state. Bring the folder back, request a full refresh "
            f"of the job, or set its watermark (POST /api/jobs/{job.job_id}/watermark)."
        )


def _refuse_loads_of_another_job(job: Job, last: Mapping[str, Any] | None) -> None:
    """A renamed job has no watermark, and an incremental load would read every row again."""
    loaded_by = str((last or {}).get("job_id", job.job_id))
    if job.load_type is LoadType.INCREMENTAL and pipeline_name(loaded_by) != pipeline_name(job.job_id):
        raise LakeError(
            f"Job '{job.job_id}': {dataset_path(job)} was loaded by job '{loaded_by}' so far, and its "
            "watermark is that job's. Give the job that name again, or request a full refresh of it."
        )
