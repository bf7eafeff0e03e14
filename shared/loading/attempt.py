"""One attempt of one job as a dlt pipeline: the only place that runs dlt. It runs in its own process.

The working folder is new in every attempt: what an attempt needs to know of earlier loads it restores from the lake, so
the app's disk is never the only place that holds anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt

from shared.isolation.leases import assert_held
from shared.jobs.history import cells_of
from shared.jobs.lake_layout import pipeline_name
from shared.jobs.masks import MASKED_SINCE, masked_since
from shared.lake.destination import Destination, open_destination
from shared.lake.load import LoadOrder
from shared.loading.dlt_settings import configure_dlt
from shared.loading.extraction import Extraction, ReadPlan, extract, read_plan
from shared.loading.progress import Progress, Report
from shared.loading.safeguards import doubts, filled_columns, refuse_other_masks, refuse_shrinking
from shared.loading.schema_changes import schema_changes
from shared.loading.starting_point import StartingPoint, refuse_impossible_backfill, starting_point
from shared.loading.state import known_columns, known_masks, known_watermark
from shared.mask_key import MaskKey
from shared.models.attempt import AttemptOrder, JobResult, LoadFigures, Rewind, figures_of
from shared.models.job import Job
from shared.secrets import Secret


def run_attempt(
    order: AttemptOrder,
    job: Job,
    secret: Secret,
    folder: Path,
    report: Report,
    loaded_before: str | None = None,
    rewind: Rewind | None = None,
    mask_key: MaskKey | None = None,
) -> JobResult:
    """Load one job's table into the lake; never raises for what can be said in the result.

    Args:
        order: Which attempt of which run.
        job: The row of the workbook.
        secret: The connection of its source.
        folder: Empty, for the files of this attempt.
        report: Called as the attempt progresses.
        loaded_before: The loads that the ledger has recorded, in words; if the lake has none, the attempt fails instead
            of reading everything again.
        rewind: The last watermark that was set by hand.
        mask_key: The key of hashed columns; None if none is hashed.
    """
    progress = Progress(order, job, report)
    try:
        return progress.success(_load(order, job, secret, folder, progress, loaded_before, rewind, mask_key))
    except Exception as error:
        return progress.failure(error, secret.redact)


def open_pipeline(job: Job, folder: Path, destination: Destination) -> dlt.Pipeline:
    """A job's pipeline, with its files in an empty folder. Raises as `Destination.pipeline_arguments`."""
    configure_dlt()
    arguments = destination.pipeline_arguments()
    pipeline: dlt.Pipeline = dlt.pipeline(pipeline_name(job.job_id), pipelines_dir=str(folder), **arguments)
    return pipeline


def _load(
    order: AttemptOrder,
    job: Job,
    secret: Secret,
    folder: Path,
    progress: Progress,
    loaded_before: str | None,
    rewind: Rewind | None,
    mask_key: MaskKey | None,
) -> LoadFigures:
    refuse_impossible_backfill(job, order)
    destination = open_destination(job, lambda: assert_held(job.job_id, order.lease_id))
    progress.explainers.append(destination.explain)
    pipeline = open_pipeline(job, folder, destination)
    last = destination.begin_attempt(pipeline)
    if last and last.get("run_id") == order.run_id:
        return figures_of(last)  # an earlier execution of this attempt committed before its host died
    with progress.stage("extract"):
        pipeline.sync_destination()
        start = starting_point(job, order, last, pipeline.state, loaded_before, rewind)
        masks = known_masks(pipeline.state, job)
        plan = read_plan(job, order, start, folder, progress, masks, mask_key)
        if last and not plan.replaces:
            refuse_other_masks(masks, job, mask_key.version if mask_key else None)
        extraction = extract(pipeline, job, secret, plan, destination.table_format, last, progress)
    with progress.stage("normalize"):
        pipeline.normalize()
    if plan.replaces and not start.starts_over:
        _refuse_shrinking(pipeline, destination, job, last, extraction)
    record = _record(pipeline, order, job, start, extraction)
    record |= _masks(pipeline, job, progress) | {MASKED_SINCE: masked_since(job, last)}
    record |= _comparison(job, last, record, plan, extraction, progress)
    with progress.stage("load"):
        outcome = destination.load(pipeline, _load_order(job, start, plan, extraction, record))
    if plan.options.stage:
        plan.options.stage.clear()
    return figures_of({**record, **outcome.figures()})


def _refuse_shrinking(
    pipeline: dlt.Pipeline, destination: Destination, job: Job, last: Mapping[str, Any] | None, extraction: Extraction
) -> None:
    """Raises ShrunkTableError. It counts the table's rows only if the job has a limit."""
    if job.max_shrink_percent is not None and last is not None:
        name = job.resource_name
        refuse_shrinking(job, destination.rows_in(pipeline, name), extraction.rows.get(name, 0))


def _record(
    pipeline: dlt.Pipeline, order: AttemptOrder, job: Job, start: StartingPoint, extraction: Extraction
) -> dict[str, Any]:
    """What the lake keeps with the load: who made it, and the figures that are known before it is written."""
    return {
        "run_id": order.run_id,
        "job_id": job.job_id,
        "attempt": order.attempt,
        "rewind": start.rewind_key,
        "rows_extracted": sum(extraction.rows.values()),
        "watermark_before": start.watermark,
        "watermark_after": known_watermark(pipeline.state, job, starts_over=start.starts_over),
        "schema_changes": schema_changes(extraction.columns_before, known_columns(pipeline, job), extraction.columns),
    }


def _masks(pipeline: dlt.Pipeline, job: Job, progress: Progress) -> dict[str, Any]:
    """What was masked in this load, and what is in the table that it leaves; the key by its version alone."""
    known = known_masks(pipeline.state, job)
    return {
        "masked_columns": [f"{name}:{mask}" for name, mask in progress.masks.items()],
        "mask_key_version": known.key_version,
        "masks": known.columns,
    }


def _comparison(
    job: Job,
    last: Mapping[str, Any] | None,
    record: Mapping[str, Any],
    plan: ReadPlan,
    extraction: Extraction,
    progress: Progress,
) -> dict[str, Any]:
    """What later loads are compared with, and what is doubtful about this one."""
    kept = {
        "cells": cells_of(job),
        "columns": list(extraction.columns),
        "filled": filled_columns(last, progress.filled, record["rows_extracted"], plan.replaces),
    }
    found = doubts(job, last, {**record, **kept}, plan.replaces, datetime.now(UTC))
    return {**kept, "warnings": [*progress.warnings, *found]}


def _load_order(
    job: Job, start: StartingPoint, plan: ReadPlan, extraction: Extraction, record: Mapping[str, Any]
) -> LoadOrder:
    return LoadOrder(
        expected_rows=extraction.rows,
        record=record,
        base_load_id=start.base_load_id,
        replaced_range=extraction.replaced_range,
        partition_by=job.partition_by,
        deletes=plan.deletes,
        marks_deleted=job.detect_deletes == "soft",
    )
