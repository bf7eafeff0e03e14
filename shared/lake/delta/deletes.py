"""Rows of a Delta table that the source no longer has, found by comparing keys.

The keys of both sides go to Parquet files in the work folder, and DuckDB joins them, because it needs a fixed amount of
memory for any number of them: what does not fit goes to files, too. What it finds are tombstones, keys alone, which
travel with the changed rows in one merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from dlt.common.exceptions import TerminalException
from pyarrow.parquet import ParquetWriter

from shared.errors.hierarchy import LakeError
from shared.jobs.lake_layout import DELETED_AT
from shared.lake.delta.sql import quoted
from shared.lake.load import DeleteDetection

if TYPE_CHECKING:
    import duckdb

CHANGE = "_tombstone_of_load"  # the merge's own column: empty in rows, true in tombstones


MEMORY = "128MB"  # of the join; beyond it DuckDB uses files


_BATCH_ROWS = 50_000  # written at once


_MARK = pa.field(DELETED_AT, pa.timestamp("us", "UTC"))


class TooManyDeletesError(LakeError, TerminalException):
    """More rows are gone than `max_deleted_percent` allows; dlt is not to try again."""

    kind = "too_many_deletes"


@dataclass(frozen=True)
class Tombstones:
    """The keys of rows that are gone and, with soft deletes, of marked rows that are back unchanged.

    Attributes:
        detection: What the job asks for.
        gone: How many rows are gone.
        count: How many tombstones there are in all.
        found: The keys, each with the time of its deletion, NULL for a row that is back.
    """

    detection: DeleteDetection
    gone: int
    count: int
    found: duckdb.DuckDBPyRelation

    def among(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The rows of the load and then the tombstones, distinguished by the column `CHANGE`."""
        schema = rows.schema.append(pa.field(CHANGE, pa.bool_()))

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                yield _batch([*batch.columns, pa.nulls(batch.num_rows, pa.bool_())], schema)
            for keys in self.found.to_arrow_reader(_BATCH_ROWS):
                yield _batch([self._column(keys, field) for field in schema], schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    @staticmethod
    def _column(keys: pa.RecordBatch, field: pa.Field[Any]) -> pa.Array[Any]:
        if field.name == CHANGE:
            return pa.repeat(pa.scalar(True), keys.num_rows)
        if field.name in keys.schema.names:
            return keys.column(field.name).cast(field.type)
        nulls: pa.Array[Any] = pa.nulls(keys.num_rows, field.type)
        return nulls


def with_mark_column(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Rows with an empty `_deleted_at`: all that is written exists at the source."""
    schema = rows.schema.append(_MARK)
    batches = (_batch([*batch.columns, pa.nulls(batch.num_rows, _MARK.type)], schema) for batch in rows)
    return pa.RecordBatchReader.from_batches(schema, batches)


@contextmanager
def find_tombstones(
    table: DeltaTable, keys: Sequence[str], detection: DeleteDetection, row_files: Sequence[str], load_id: str
) -> Iterator[Tombstones]:
    """Compare the keys of a table with those of its source, for as long as the context is open.

    Args:
        table: The table as it is before the load.
        keys: The columns that name a row.
        detection: What is to happen to rows that are gone.
        row_files: The Parquet files of the load's rows, whose keys need no tombstone.
        load_id: The load; its time is that of the deletion.

    Raises:
        TooManyDeletesError: more are gone than may be.
    """
    deleted_at = datetime.fromtimestamp(float(load_id), UTC)
    folder = detection.keys_file.parent
    lake_keys = str(folder / "lake_keys.parquet")
    _write(_keys_of(table, keys, with_marks=detection.mode == "soft"), lake_keys)
    with _database(folder / "join") as database:
        database.read_parquet(lake_keys).create_view("lake")
        names = ", ".join(map(quoted, keys))
        database.execute(  # the names are quoted
            f"""CREATE TABLE tombstones AS
                SELECT DISTINCT {names}, $deleted_at::TIMESTAMP AS {DELETED_AT} FROM lake
                ANTI JOIN read_parquet($source) AS source USING ({names})
                ANTI JOIN read_parquet($changed) AS changed USING ({names})
                WHERE NOT marked
                UNION ALL
                SELECT DISTINCT {names}, NULL FROM lake
                SEMI JOIN read_parquet($source) AS source USING ({names})
                ANTI JOIN read_parquet($changed) AS changed USING ({names})
                WHERE marked""",  # noqa: S608
            {
                "deleted_at": deleted_at.replace(tzinfo=None),
                "source": str(detection.keys_file),
                "changed": list(row_files),
            },
        )
        alive = _count(database, "lake WHERE NOT marked")
        gone = _count(database, f"tombstones WHERE {DELETED_AT} IS NOT NULL")
        if gone * 100 > detection.max_percent * alive:
            raise TooManyDeletesError(_too_many(table, gone, alive, detection.max_percent))
        yield Tombstones(detection, gone, _count(database, "tombstones"), database.table("tombstones"))


def _database(folder: Path) -> duckdb.DuckDBPyConnection:
    import duckdb  # takes 30 MB, which loads that delete nothing need not have

    limits: dict[str, Any] = {"memory_limit": MEMORY, "threads": 1, "preserve_insertion_order": False}
    return duckdb.connect(config=limits | {"temp_directory": str(folder)})


def _write(rows: pa.RecordBatchReader, file: str) -> None:
    """Write rows to a Parquet file, in row groups of a size that does not depend on the batches."""
    with ParquetWriter(file, rows.schema, compression="zstd", use_dictionary=False) as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in rows:
            waiting.append(batch)
            if sum(one.num_rows for one in waiting) >= _BATCH_ROWS:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()
        writer.write_table(pa.Table.from_batches(waiting, rows.schema))


def _keys_of(table: DeltaTable, keys: Sequence[str], *, with_marks: bool) -> pa.RecordBatchReader:
    """The keys of a table, each with whether the row is marked as deleted."""
    has_marks = with_marks and any(field.name == DELETED_AT for field in table.schema().fields)
    marked = f"{DELETED_AT} IS NOT NULL" if has_marks else "false"
    question = f"SELECT {', '.join(map(quoted, keys))}, {marked} AS marked FROM lake"  # noqa: S608  quoted
    return pa.RecordBatchReader.from_stream(QueryBuilder().register("lake", table).execute(question))


def _count(database: duckdb.DuckDBPyConnection, what: str) -> int:
    found = database.execute(f"SELECT count(*) FROM {what}").fetchone()  # noqa: S608  our own words
    return int(found[0]) if found else 0


def _too_many(table: DeltaTable, gone: int, alive: int, max_percent: int) -> str:
    name = table.table_uri.rstrip("/").rsplit("/", 1)[-1]
    return (
        f"Delta table '{name}': {gone} of {alive} rows are gone from the source, more than the {max_percent} % of "
        "max_deleted_percent; nothing was loaded and the table is as it was before. See whether the source and "
        "query_filter are whole. If the rows are truly gone, raise max_deleted_percent for one load, or request a full "
        "refresh of the job."
    )


def _batch(columns: Sequence[pa.Array[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), schema=schema)
