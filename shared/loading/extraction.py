"""The first stage of an attempt: a source's rows go to files of the work folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dlt
from dlt.common.schema.typing import TTableFormat
from dlt.extract import DltResource

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.value_range import ValueRange
from shared.lake.load import DeleteDetection
from shared.lake.stage import LakeStage
from shared.loading.progress import Progress
from shared.loading.safeguards import refuse_changed_cells
from shared.loading.starting_point import StartingPoint
from shared.loading.state import KnownMasks, known_columns
from shared.mask_key import MaskKey
from shared.models.attempt import AttemptOrder
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions, Source, write_disposition


@dataclass(frozen=True)
class ReadPlan:
    """How a load reads its source, and how its table takes the rows."""

    options: ReadOptions

    disposition: Any
    """The write disposition, as dlt takes it."""

    deletes: DeleteDetection | None
    """What to do with rows that are gone from the source; None if the load does not look for them."""

    adds: bool
    """Whether the load adds to the rows of earlier loads, so that it writes nothing if nothing is new."""

    @property
    def replaces(self) -> bool:
        """Whether the load replaces the table."""
        return bool(self.disposition == "replace")


@dataclass(frozen=True)
class Extraction:
    """What was read."""

    rows: Mapping[str, int]
    """By table."""

    columns: tuple[str, ...]
    """Those that the source has; empty if it finds them only while it reads."""

    columns_before: Mapping[str, str]
    """Types of the columns that the table has in the lake, by name; empty before the first load."""

    replaced_range: ValueRange | None
    """The range of a backfill that replaces rows; None if it updates them by primary key, or if there is none."""


def read_plan(
    job: Job,
    order: AttemptOrder,
    start: StartingPoint,
    folder: Path,
    progress: Progress,
    known: KnownMasks,
    mask_key: MaskKey | None,
) -> ReadPlan:
    """Plan how a load reads.

    Args:
        job: The job.
        order: The attempt; a backfill's has the range.
        start: Where the load starts.
        folder: Where the keys of the source's rows go, if the job looks for rows that are gone.
        progress: Takes down what the readers report.
        known: How the rows are masked that the table has.
        mask_key: The key of hashed columns; None if none is hashed.
    """
    options = ReadOptions(
        full_refresh=start.starts_over,
        report_rows=progress.count,
        start=order.start,
        end=order.end,
        watermark=start.watermark,
        rewound=start.rewound,
        warn=progress.warnings.append,
        report_filled=progress.filled.update,
        stage=LakeStage(job, order.run_id),
        mask_key=mask_key,
        masked_before=frozenset(() if start.starts_over else known.columns),
        report_masked=progress.masks.update,
    )
    disposition, deletes = write_disposition(job, options), None
    if job.detect_deletes != "none" and disposition != "replace":  # a new table has nothing to compare
        deletes = DeleteDetection(job.detect_deletes, job.max_deleted_percent, folder / "keys.parquet")
        options = replace(options, keys_file=deletes.keys_file)
    adds = disposition != "replace" and start.base_load_id is not None and deletes is None
    return ReadPlan(options, disposition, deletes, adds)


def extract(
    pipeline: dlt.Pipeline,
    job: Job,
    secret: Secret,
    plan: ReadPlan,
    table_format: TTableFormat | None,
    last: Mapping[str, Any] | None,
    progress: Progress,
) -> Extraction:
    """Read a job's rows into the pipeline's folder.

    Args:
        pipeline: The job's, with the state of the last load.
        job: The job.
        secret: The connection of its source.
        plan: How to read.
        table_format: The destination's hint for dlt.
        last: The record of the last load, None before the first.
        progress: Takes down what the source knows of its errors.

    Raises:
        ConfigurationError: a cell has changed that earlier rows depend on, or the source cannot load a range again.
        IngestionError: the source refuses, or cannot be reached now.
    """
    columns_before = known_columns(pipeline, job)
    source = open_source(job, secret, plan.options)
    progress.explainers.insert(0, source.explain)
    resource = source.resource()
    replaced_range = _replaced_range(job, plan, source)
    resource.apply_hints(
        write_disposition=plan.disposition,
        table_format=table_format,
        primary_key=list(source.primary_key) or None,
    )
    if plan.adds and not replaced_range:
        resource.add_filter(lambda rows: rows.num_rows > 0)  # nothing new makes no file; a first load makes a table
    columns = _columns(resource)
    if last and not plan.replaces and not plan.options.rewound:
        refuse_changed_cells(last, job, columns_before, columns)
    contract: Any = {"tables": "evolve", "columns": job.schema_contract, "data_type": job.schema_contract}
    extracted = pipeline.extract(resource, loader_file_format="parquet", schema_contract=contract)
    return Extraction(_rows_by_table(extracted), columns, columns_before, replaced_range)


def _replaced_range(job: Job, plan: ReadPlan, source: Source) -> ValueRange | None:
    """The rows in whose place a backfill's come; with a primary key it updates them instead."""
    if plan.options.end is None:
        return None
    if source.loaded_range is None:
        raise ConfigurationError(f"Job '{job.job_id}': its source cannot load a range again.")
    return None if job.primary_key else source.loaded_range


def _columns(resource: DltResource) -> tuple[str, ...]:
    return tuple(resource.columns) if isinstance(resource.columns, dict) else ()


def _rows_by_table(extracted: Any) -> dict[str, int]:
    rows: dict[str, int] = {}
    for packages in extracted.metrics.values():
        for metrics in packages:
            for table, counted in metrics["table_metrics"].items():
                if not table.startswith("_dlt"):
                    rows[table] = rows.get(table, 0) + counted.items_count
    return rows
