"""A load as the lake sees it: what is ordered of it, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.jobs.value_range import ValueRange

BeforeCommit = Callable[[], None]
"""Called before a load writes and right before each commit; raises to keep it from both, as when the lease is lost."""


@dataclass(frozen=True)
class DeleteDetection:
    """What a job does with rows that are gone from the source."""

    mode: Literal["soft", "hard"]
    """soft sets `_deleted_at`, hard removes the row."""

    max_percent: int
    """Of the table's rows that are not marked; the load fails if more are gone."""

    keys_file: Path
    """A Parquet file with the keys of all rows that the source has, written by the reader."""


@dataclass(frozen=True)
class LoadOrder:
    """What a destination is to do with the rows that were extracted."""

    expected_rows: Mapping[str, int] = field(default_factory=dict)
    """The rows that were extracted, by table; a destination that can count refuses to commit any other number."""

    record: Mapping[str, Any] = field(default_factory=dict)
    """Kept with the commit: by it, a repeated attempt finds its load, and the next load finds its predecessor."""

    base_load_id: str | None = None
    """The last committed load when the attempt began. It must still be the last when this load commits."""

    replaced_range: ValueRange | None = None
    """The rows of a Delta table that the load replaces; None to follow the write disposition of the table."""

    partition_by: tuple[str, ...] = ()
    """The columns that partition a Delta table."""

    deletes: DeleteDetection | None = None
    """What to do with rows that are gone from the source; None if the load does not look for them."""

    marks_deleted: bool = False
    """Whether the table has the column `_deleted_at`."""


@dataclass(frozen=True)
class Written:
    """What was written, into one table or in all; the fields are those of `LoadFigures`."""

    rows_written: int = 0
    rows_deleted: int = 0
    files_written: int = 0
    bytes_written: int = 0

    @classmethod
    def total(cls, tables: Iterable[Written]) -> Written:
        """What was written into all of these tables."""
        return cls(*map(sum, zip(*map(astuple, tables), strict=True)))


@dataclass(frozen=True)
class LoadOutcome:
    """What came out of a load."""

    load_id: str | None
    """None if there was nothing new to load."""

    written: Written
    """In all tables."""

    def figures(self) -> dict[str, Any]:
        """By the names of `LoadFigures`."""
        return {"load_id": self.load_id, **asdict(self.written)}


def newest_load_id(loaded: Any) -> str | None:
    """The id of the load that `pipeline.load()` reports, None if there was nothing to load."""
    return loaded.loads_ids[-1] if loaded.loads_ids else None
