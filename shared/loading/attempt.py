"""One attempt of one job as a dlt pipeline: the only place that runs dlt. It runs in a process of its own.

The working folder is new in every attempt: what an attempt needs to know of earlier loads it restores from the lake, so
the app's disk is never the only place where anything is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.extract import DltResource

from shared.errors.hierarchy import ConfigurationError, LakeError
from shared.errors.job_errors import as_job_error
from shared.isolation.leases import assert_held
from shared.jobs.destinations import dataset_path, destination_type
from shared.jobs.history import cells_of
from shared.jobs.lake_layout import pipeline_name
from shared.lake.destination import Destination, open_destination
from shared.lake.load import DeleteDetection, LoadCommit
from shared.loading.dlt_settings import configure_dlt
from shared.loading.safeguards import doubts, filled_columns, refuse_changed_cells, refuse_shrinking
from shared.loading.schema_changes import schema_changes
from shared.loading.state import known_columns, known_watermark
from shared.models.attempt import AttemptOrder, JobResult, JobStatus, Rewind, figures_of
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions, Source, write_disposition

log = logging.getLogger(__name__)


Report = Callable[[str, int], None]


"""Called with the stage (extract, normalize, load) and the rows read so far."""


def run_attempt(
    order: AttemptOrder,
    job: Job,
    secret: Secret,
    folder: Path,
    report: Report,
    loaded_before: str | None = None,
    rewind: Rewind | None = None,
) -> JobResult:
    """Load one job's table into the lake; never raises for what can be said in the result.

    Args:
        order: Which attempt of which run.
        job: The row of the workbook.
        secret: The connection of its source.
        folder: Empty, for the files of this attempt.
        report: Called as the work goes on.
        loaded_before: What the ledger knows of earlier loads; where the lake knows nothing of any, the attempt fails
            instead of reading everything again.
        rewind: The last watermark that somebody has set by hand.
    """
    attempt = _Attempt(order, job, secret, folder, report, loaded_before, rewind)
    try:
        return attempt.run()
    except Exception as error:
        return attempt.failure(error)


def open_pipeline(job: Job, folder: Path, destination: Destination) -> dlt.Pipeline:
    """A job's pipeline, with its files in an empty folder. Raises as `Destination.pipeline_arguments`."""
    configure_dlt()
    arguments = destination.pipeline_arguments()
    pipeline: dlt.Pipeline = dlt.pipeline(pipeline_name(job.job_id), pipelines_dir=str(folder), **arguments)
    return pipeline


@dataclass
class _Attempt:
    order: AttemptOrder
    job: Job
    secret: Secret
    folder: Path
    report: Report
    loaded_before: str | None = None
    rewind: Rewind | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: dict[str, float] = field(default_factory=dict)
    commit: LoadCommit = field(default_factory=LoadCommit)
    source: Source | None = None
    opened: Destination | None = None
    rows_read: int = 0
    warnings: list[str] = field(default_factory=list)
    filled: set[str] = field(default_factory=set)
    last_record: Mapping[str, Any] | None = None
    starts_over: bool = False
    rewind_in_record: str | None = None

    def __post_init__(self) -> None:
        self.starts_over = self.order.full_refresh

    def run(self) -> JobResult:
        self._refuse_impossible_backfill()
        self.opened = open_destination(self.job, self.commit)
        pipeline = open_pipeline(self.job, self.folder, self.opened)
        return self._already_committed(pipeline) or self._load(pipeline)

    @property
    def destination(self) -> Destination:
        assert self.opened is not None
        return self.opened

    def _already_committed(self, pipeline: dlt.Pipeline) -> JobResult | None:
        """The result of this very run's load where an earlier execution of it committed before its host died."""
        self.last_record = record = self.destination.begin_attempt(pipeline)
        if record and record.get("run_id") == self.order.run_id:
            return self._result(record)
        self._take_up_rewind((record or {}).get("rewind"))
        if record is None and self.loaded_before and not self.starts_over:
            raise LakeError(
                f"The ledger knows {self.loaded_before} of job '{self.job.job_id}', but the lake has no trace of any "
                f"load in {dataset_path(self.job)}. Bring the folder back, or order a full refresh of the job."
            )
        if record and self.job.load_type is LoadType.INCREMENTAL and not self.starts_over:
            self._refuse_watermark_of(str(record.get("job_id", self.job.job_id)))
        self.commit.base_load_id = record["load_id"] if record else None
        self.commit.before_commit = lambda: assert_held(self.job.job_id, self.order.lease_id)
        return None

    def _take_up_rewind(self, known: str | None) -> None:
        """Start where somebody wants it, unless a load since has done so; a backfill leaves the watermark alone."""
        if self.order.end or self.rewind is None:
            self.rewind_in_record, self.rewind = known, None
            return
        self.rewind_in_record = self.rewind.key
        if self.rewind.key == known:
            self.rewind = None
        elif self.rewind.watermark is None:
            self.starts_over = True

    def _refuse_watermark_of(self, job_id: str) -> None:
        """A job that was given another name has no watermark, and would bring every row once more."""
        if pipeline_name(job_id) != pipeline_name(self.job.job_id):
            raise LakeError(
                f"Job '{self.job.job_id}': {dataset_path(self.job)} was loaded by job '{job_id}' so far, and its "
                "watermark is that job's. Give the job that name again, or order a full refresh of it."
            )

    def _load(self, pipeline: dlt.Pipeline) -> JobResult:
        with self._stage("extract"):
            pipeline.sync_destination()
            before = self.rewind.watermark if self.rewind else self._watermark(pipeline)
            known = known_columns(pipeline, self.job)
            options = ReadOptions(
                full_refresh=self.starts_over,
                report_rows=self._count,
                start=self.order.start,
                end=self.order.end,
                watermark=before,
                rewound=self.rewind is not None,
                warn=self.warnings.append,
                report_filled=self.filled.update,
            )
            disposition = write_disposition(self.job, options)
            if deletes := self._delete_detection(disposition):
                self.commit.deletes, options = deletes, replace(options, keys_file=deletes.keys_file)
            self.source = open_source(self.job, self.secret, options)
            resource = self._with_disposition(self.source.resource(), disposition)
            if disposition != "replace" and self.rewind is None and self.last_record:
                refuse_changed_cells(self.last_record, self.job, known, _names(resource.columns))
            extracted = pipeline.extract(
                resource, loader_file_format="parquet", schema_contract=_schema_contract(self.job)
            )
        with self._stage("normalize"):
            pipeline.normalize()
        self.commit.expected_rows = _rows_by_table(extracted)
        replaces = disposition == "replace"
        if replaces and not self.starts_over:
            self._refuse_shrinking(pipeline)
        self.commit.record = {
            "run_id": self.order.run_id,
            "job_id": self.job.job_id,
            "attempt": self.order.attempt,
            "rewind": self.rewind_in_record,
            "rows_extracted": sum(self.commit.expected_rows.values()),
            "watermark_before": before,
            "watermark_after": self._watermark(pipeline),
            "schema_changes": schema_changes(known, known_columns(pipeline, self.job), _names(resource.columns)),
        }
        self._note_doubts(replaces, list(_names(resource.columns)))
        with self._stage("load"):
            loaded = pipeline.load()
            self.destination.finish_load(loaded)
        return self._result(
            {
                **self.commit.record,
                "load_id": loaded.loads_ids[-1] if loaded.loads_ids else None,  # nothing new, nothing loaded
                **self.commit.written(),
            }
        )

    def _refuse_shrinking(self, pipeline: dlt.Pipeline) -> None:
        """Raises ShrunkTableError; the lake is asked only where the job has a limit."""
        if self.job.max_shrink_percent is None or self.last_record is None:
            return
        name = self.job.resource_name
        rows_before = self.destination.rows_in(pipeline, name)
        refuse_shrinking(self.job, rows_before, self.commit.expected_rows.get(name, 0))

    def _note_doubts(self, replaces: bool, columns: list[str]) -> None:
        """Keep with the load what later ones are compared with, and say what is doubtful about this one."""
        record, rows = self.commit.record, self.commit.record["rows_extracted"]
        record["cells"] = cells_of(self.job)
        record["columns"] = columns
        record["filled"] = filled_columns(self.last_record, self.filled, rows, replaces)
        found = doubts(self.job, self.last_record, record, replaces, datetime.now(UTC))
        record["warnings"] = [*self.warnings, *found]

    def _refuse_impossible_backfill(self) -> None:
        job = self.job
        if self.order.end and (job.load_type is not LoadType.INCREMENTAL or job.table_format != "delta"):
            raise ConfigurationError(
                f"Job '{job.job_id}' cannot load a range again: a backfill needs load_type INCREMENTAL and "
                f"table_format delta, and the job has {job.load_type.value} and {job.table_format}."
            )
        if self.order.end and not destination_type(job.destination).keeps_record and not job.primary_key:
            raise ConfigurationError(
                f"Job '{job.job_id}' cannot load a range again: with destination {job.destination} a backfill needs "
                "primary_key, by which it updates the rows of its range."
            )

    def _with_disposition(self, resource: DltResource, disposition: Any) -> DltResource:
        job, commit = self.job, self.commit
        if self.order.end:
            if self.source is None or self.source.loaded_range is None:
                raise ConfigurationError(f"Job '{job.job_id}': its source cannot load a range again.")
            commit.replaced_range = None if job.primary_key else self.source.loaded_range
        commit.partition_by, commit.marks_deleted = job.partition_by, job.detect_deletes == "soft"
        resource.apply_hints(
            write_disposition=disposition,
            table_format=self.destination.table_format,
            primary_key=list(self.source.primary_key) if self.source and self.source.primary_key else None,
        )
        if disposition != "replace" and commit.base_load_id and not commit.replaced_range and not commit.deletes:
            resource.add_filter(lambda rows: rows.num_rows > 0)  # nothing new makes no file; a first load makes a table
        return resource

    def _delete_detection(self, disposition: Any) -> DeleteDetection | None:
        """What becomes of rows that are gone; a load that replaces the table has nothing to compare."""
        mode = self.job.detect_deletes
        if mode == "none" or disposition == "replace":
            return None
        return DeleteDetection(mode, self.job.max_deleted_percent, self.folder / "keys.parquet")

    def _watermark(self, pipeline: dlt.Pipeline) -> str | None:
        return known_watermark(pipeline, self.job, starts_over=self.starts_over)

    def _count(self, rows: int) -> None:
        self.rows_read += rows
        self.report("extract", self.rows_read)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.report(name, self.rows_read)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started

    def _result(self, record: Any) -> JobResult:
        return self._envelope(
            status=JobStatus.SUCCESS,
            **figures_of(record).figures(),
        )

    def failure(self, error: Exception) -> JobResult:
        """The result of an attempt that broke: the error in one sentence, without secrets."""
        explainers = [part.explain for part in (self.source, self.opened) if part]
        known = as_job_error(error, explainers, self.secret.redact)
        log.warning("Job %s failed: %s", self.job.job_id, known.message)
        return self._envelope(status=JobStatus.FAILED, rows_extracted=self.rows_read, error=known)

    def _envelope(self, status: JobStatus, **fields: Any) -> JobResult:
        ended_at = datetime.now(UTC)
        total = (ended_at - self.started_at).total_seconds()
        return JobResult(
            run_id=self.order.run_id,
            job_id=self.job.job_id,
            attempt=self.order.attempt,
            status=status,
            started_at=self.started_at,
            ended_at=ended_at,
            duration_seconds={**self.seconds, "total": total},
            **{name: value for name, value in fields.items() if value is not None},
        )


def _names(columns: Any) -> tuple[str, ...]:
    """The columns of a resource; none where it finds them only while it reads."""
    return tuple(columns) if isinstance(columns, dict) else ()


def _schema_contract(job: Job) -> Any:
    """What a column may do that the table did not have before, or that has another type now."""
    return {"tables": "evolve", "columns": job.schema_contract, "data_type": job.schema_contract}


def _rows_by_table(extracted: Any) -> dict[str, int]:
    rows: dict[str, int] = {}
    for packages in extracted.metrics.values():
        for metrics in packages:
            for table, counted in metrics["table_metrics"].items():
                if not table.startswith("_dlt"):
                    rows[table] = rows.get(table, 0) + counted.items_count
    return rows
