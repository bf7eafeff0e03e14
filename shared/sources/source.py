"""What every source is to the pipeline: one Protocol and the options it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from dlt.extract import DltResource

from shared.jobs.value_range import ValueRange
from shared.mask_key import MaskKey
from shared.models.attempt import Examination
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.sources.stage import Stage


@dataclass(frozen=True)
class ReadOptions:
    """What the pipeline knows and a source needs.

    Attributes:
        full_refresh: An incremental job starts over.
        report_rows: Called with the number of rows of each batch, as it passes.
        start, end: The range of a backfill, as text: rows from `start` on and before `end`.
        watermark: The last watermark that the lake has, as text; where `rewound`, that from which to start instead.
        keys_file: Where a table's primary keys go as Parquet, those of all rows, read after the rows and in the same
            snapshot; None if they are not needed.
        warn: Called with a sentence that the load's result is to show.
        report_filled: Called with the columns that have a value in a batch.
        stage: Where what has been read is kept for later attempts of the same run; None if nothing is.
        mask_key: The key of hashed columns; None if none is hashed.
        masked_before: The columns that the last load has masked; empty if the table starts over.
        report_masked: Called with the masks of the columns that are masked, by name.
    """

    full_refresh: bool = False
    report_rows: Callable[[int], None] = lambda _rows: None
    start: str | None = None
    end: str | None = None
    watermark: str | None = None
    keys_file: Path | None = None
    rewound: bool = False
    warn: Callable[[str], None] = lambda _sentence: None
    report_filled: Callable[[Iterable[str]], None] = lambda _names: None
    stage: Stage | None = None
    mask_key: MaskKey | None = field(default=None, repr=False)
    masked_before: frozenset[str] = frozenset()
    report_masked: Callable[[Mapping[str, str]], None] = lambda _masks: None


def write_disposition(job: Job, options: ReadOptions) -> Any:
    """How the lake's table takes the rows of a load: replaced, appended to, or upserted by primary key (Delta only).

    An incremental load that knows no watermark reads everything, so it takes the place of whatever is there: a job
    that was FULL until now has rows already.
    """
    from_the_start = options.watermark is None and options.start is None and options.end is None
    if job.load_type is LoadType.FULL or options.full_refresh or from_the_start:
        return "replace"
    if job.table_format == "delta" and job.primary_key:
        return {"disposition": "merge", "strategy": "upsert"}
    return "append"


class Source(Protocol):
    """Something that gives one job's data as a dlt resource of Arrow tables."""

    loaded_range: ValueRange | None
    """The range that a backfill loads; known once `resource` was called."""
    primary_key: tuple[str, ...]
    """The job's primary key as the lake spells it; known once `resource` was called."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None: ...

    def resource(self) -> DltResource:
        """The resource to load; called inside an active pipeline, which gives it its write disposition.

        Raises:
            SourceError: the source refuses for good.
            TransientError: the source cannot be reached now.
        """

    def explain(self, error: BaseException) -> BaseException:
        """An error of the driver as one of this project's, or `error` itself where it is none of the driver's."""

    def examine(self) -> Examination:
        """What a load would read. Raises as `resource`."""


@runtime_checkable
class TableSource(Source, Protocol):
    """A source that knows which tables it has."""

    def table_names(self) -> list[str]:
        """The tables and views of the job's schema, as the source spells them. Raises as `resource`."""


@runtime_checkable
class MaskingSource(Source, Protocol):
    """A source that masks columns, as `masked_columns` asks, before anything is counted, kept or written.

    A job with masks is not loaded from any other source.
    """

    applies_masks: ClassVar[bool]
    """That it does."""


@runtime_checkable
class ColumnSource(TableSource, Protocol):
    """A source that knows the columns of its tables."""

    def column_names(self) -> list[str]:
        """The columns of the job's table, as the source spells them. Raises as `resource`."""
