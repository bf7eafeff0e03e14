"""What the pipeline asks of the load that is to be committed, and what the load wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.jobs.value_range import ValueRange
from shared.lake.inventory import Inventory


@dataclass
class LoadCommit:
    """What the pipeline tells the client about the load that is to be committed.

    `expected_rows` counts the rows that were extracted, by table; `record` is kept with the commit, so that an attempt
    that is run again finds that its load stands already; `before_commit` may raise to keep the load from committing;
    `base_load_id` is the last committed load when the attempt began, and must still be the last when it commits;
    `inventory` are the files that stood there when the attempt began;
    `replaced_range` are the rows of a Delta table in whose place the load's come; `partition_by` are the columns by
    which it is partitioned; `deletes` says what becomes of rows that the source has no more, None where nobody looks;
    `marks_deleted` whether the table has a column for that.
    The rest is filled in by the client: what the load wrote, in all and by table.
    """

    expected_rows: dict[str, int] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    before_commit: Callable[[], None] = lambda: None
    base_load_id: str | None = None
    inventory: Inventory = field(default_factory=Inventory)
    replaced_range: ValueRange | None = None
    partition_by: tuple[str, ...] = ()
    deletes: DeleteDetection | None = None
    marks_deleted: bool = False
    tables: dict[str, Any] = field(default_factory=dict)
    delta_tables: list[str] = field(default_factory=list)
    files: int = 0
    rows: int = 0
    rows_deleted: int = 0
    bytes: int = 0

    def written(self) -> dict[str, int]:
        """What the load wrote, by the names of `LoadFigures`."""
        return {
            "rows_written": self.rows,
            "rows_deleted": self.rows_deleted,
            "files_written": self.files,
            "bytes_written": self.bytes,
        }


@dataclass(frozen=True)
class DeleteDetection:
    """What a job wants done with rows that are gone.

    Attributes:
        mode: soft sets `_deleted_at`, hard removes the row.
        max_percent: Of the table's rows that are not marked; where more are gone the load fails.
        keys_file: A Parquet file with the keys of all rows that the source has, written by the reader.
    """

    mode: Literal["soft", "hard"]
    max_percent: int
    keys_file: Path
