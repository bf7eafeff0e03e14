"""The batches of a table in the types of the lake, from one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import sqlalchemy as sa
from pyarrow.parquet import ParquetWriter

from shared.sources.arrow import conform
from shared.sources.columns import ReadColumn
from shared.sources.evolution import fitted
from shared.sources.increment import new_rows
from shared.sources.masked_tables import masked, without_values
from shared.sources.masking import labels, remember
from shared.sources.partitions import ranges_of
from shared.sources.reading import read_ahead
from shared.sources.table_read import Snapshot, TableRead
from shared.sources.verification import Tally


def rows_of(read: TableRead) -> Iterator[pa.Table]:
    """A table, or what is new in it, as Arrow tables in the types of the lake; called while dlt extracts.

    Raises:
        SourceError: the source refuses, or a value does not fit its column in the lake.
    """
    rows = 0
    masks = labels({column.source_name: column.mask.mask for column in read.masked.values() if column.mask})
    remember(read.job, masks, read.options.mask_key, read.options.full_refresh)
    # what is new since the watermark is found faster by one reader, through an index
    readers = read.job.parallelism if read.start is None else 1
    with read.database.snapshot(read.table, readers) as snapshot:
        for table in _chosen_rows(read, snapshot):
            read.options.report_rows(table.num_rows)
            read.options.report_filled(
                name
                for name, values in zip(table.column_names, table.columns, strict=True)
                if values.null_count < len(values)
            )
            rows += table.num_rows
            yield fitted(table, read.columns, read.schema)
        if read.options.keys_file:
            _write_keys(read.keys(), snapshot, read.options.keys_file)
    if not rows:
        yield read.schema.empty_table()  # the lake learns the columns of an empty table too


def _chosen_rows(read: TableRead, snapshot: Snapshot) -> Iterator[pa.Table]:
    state = dlt.current.resource_state()
    if read.options.full_refresh or (read.cursor is None and not read.within):
        state.clear()  # a table that is replaced continues from no earlier watermark
    if read.cursor is None or read.within:
        return _batches(read, snapshot, read.new_rows())
    return new_rows(read, read.cursor, snapshot, state, _batches)


def _batches(
    read: TableRead, snapshot: Snapshot, query: sa.Select[Any], more: tuple[ReadColumn, ...] = ()
) -> Iterator[pa.Table]:
    """The result of a query in the types that carry its values unchanged; `more` columns come last."""
    columns = [*read.columns, *more]
    schema = read.own_schema
    for column in more:
        schema = schema.append(pa.field(column.name, column.type))
    query = snapshot.pinned(query)
    queries = [query]
    if snapshot.readers > 1:
        queries = [query.where(part) for part in ranges_of(read.job, read.table, snapshot, snapshot.readers)]
    readers = [partial(snapshot.read, one, columns) for one in queries]
    tally = Tally(read)
    with without_values(read):
        for batch in read_ahead(readers, snapshot.readers):
            table = conform(batch, schema)
            tally.add(table)
            yield masked(table, columns)
    if read.job.verify:
        tally.compare(snapshot.connection, query)


def _write_keys(keys: TableRead, snapshot: Snapshot, file: Path) -> None:
    with ParquetWriter(file, keys.schema, compression="zstd") as writer:
        for table in _batches(keys, snapshot, keys.new_rows()):
            writer.write_table(fitted(table, keys.columns, keys.schema))
