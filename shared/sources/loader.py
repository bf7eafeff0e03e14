"""dlt's table loader over our readers: its batches come ready in the types of the lake."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.sources.sql_database import BaseTableLoader
from pyarrow.parquet import ParquetWriter

from shared.sources.arrow import conform
from shared.sources.boundary import Boundary
from shared.sources.partitions import ranges_of
from shared.sources.reading import read_ahead
from shared.sources.table_read import Snapshot, TableRead
from shared.sources.verification import Tally

_STATE = "boundary"


class ArrowLoader(BaseTableLoader):
    """Streams a table, or what is new in it, as Arrow tables from one snapshot."""

    def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[pa.Table]:
        read: TableRead = (backend_kwargs or {})["read"]
        rows = 0
        # what is new since the watermark is found faster by one reader, through an index
        readers = read.job.parallelism if self.last_value is None else 1
        with read.database.snapshot(read.table, readers) as snapshot:
            for table in self._new_rows(read, snapshot):
                read.options.report_rows(table.num_rows)
                rows += table.num_rows
                yield table
            if read.options.keys_file:
                _write_keys(read.keys(), snapshot, read.options.keys_file)
        if not rows:
            yield read.schema.empty_table()  # the lake learns the columns of an empty table too

    def _new_rows(self, read: TableRead, snapshot: Snapshot) -> Iterator[pa.Table]:
        if not self.incremental:
            yield from _batches(read, snapshot, read.query(None, None))
            return
        watermark: Any = self.last_value
        cursor = read.column(self.incremental.cursor_path)
        state = dlt.current.resource_state().setdefault(_STATE, {})
        boundary = Boundary(state, cursor.name, read.schema.names, watermark)
        query = read.query(cursor.name, watermark)
        if not boundary.exact:
            beyond = read.database.beyond(cursor, watermark)
            for table in _batches(read, snapshot, query.where(sa.not_(beyond))):
                boundary.recount(table)
            boundary.check()
            query = query.where(beyond)
        for table in _batches(read, snapshot, query):
            new = boundary.new_rows(table)
            if new.num_rows:
                yield new
        boundary.save()


def _batches(read: TableRead, snapshot: Snapshot, query: sa.Select[Any]) -> Iterator[pa.Table]:
    query = snapshot.pinned(query)
    queries = [query]
    if snapshot.readers > 1:
        queries = [query.where(part) for part in ranges_of(read.job, read.table, snapshot, snapshot.readers)]
    readers = [partial(snapshot.read, one, read.columns) for one in queries]
    tally = Tally(read)
    for batch in read_ahead(readers, snapshot.readers):
        table = conform(batch, read.schema)
        tally.add(table)
        yield table
    if read.job.verify:
        tally.compare(snapshot.connection, query)


def _write_keys(keys: TableRead, snapshot: Snapshot, file: Path) -> None:
    with ParquetWriter(file, keys.schema, compression="zstd") as writer:
        for table in _batches(keys, snapshot, keys.query(None, None)):
            writer.write_table(table)
