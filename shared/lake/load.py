"""A filesystem client whose loads are all or nothing: new files first, then the commit, then the old files go.

Plain dlt deletes the old files of a replaced table before it loads the new ones, and a crash leaves files of a load
that never committed, beside which the next attempt appends. Here a load is committed by one blob, its record in
`_dlt_loads`; whatever belongs to no committed load is removed by the next attempt of the same job, and by it alone,
because no two jobs share a dataset.

A process that stood still for so long that another run took its job over may send what it was about to send at any
later moment. So nothing that counts is overwritten: a record is only ever created, an attempt that clears up after a
load first puts an empty blob in the place of its record, and a manifest is replaced only as it was when it was listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shared.jobs.value_range import ValueRange
from shared.lake.inventory import Inventory

if TYPE_CHECKING:
    pass


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
    files: int = 0
    rows: int = 0
    rows_deleted: int = 0
    bytes: int = 0


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
