"""`verify = Y`: the source's own count decides whether a read was whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from shared.errors import ReconciliationError
from shared.sources.columns import ReadColumn
from shared.sources.loader import TableRead, _batches
from shared.sources.source import ReadOptions
from tests.builders import a_job

SCHEMA = pa.schema([pa.field("id", pa.int64())])


class LosingSnapshot:
    """A table of three rows in SQLite, read by a driver that loses some of them."""

    readers = 1

    def __init__(self, connection: sa.Connection, lost: int) -> None:
        self.connection = connection
        self._lost = lost

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[pa.RecordBatch]:
        rows = self.connection.execute(query).fetchall()
        yield pa.record_batch([pa.array([row[0] for row in rows[self._lost :]], pa.int64())], schema=SCHEMA)


def _engine() -> sa.Engine:
    """One database in memory for the reader's thread and for the question."""
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})


@contextmanager
def reading(lost: int, **job: Any) -> Iterator[list[pa.Table]]:
    table = sa.Table("orders", sa.MetaData(), sa.Column("id", sa.BigInteger))
    with _engine().connect() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"id": number} for number in (1, 2, 3)])
        columns = [ReadColumn("id", table.c.id, pa.int64())]
        read = TableRead(a_job(**job), None, ReadOptions(), table, columns, SCHEMA)  # type: ignore[arg-type]
        yield _batches(read, LosingSnapshot(connection, lost), sa.select(table.c.id))  # type: ignore[arg-type, misc]


def test_a_read_that_lost_rows_is_refused_where_the_job_verifies() -> None:
    with (
        reading(lost=1, verify=True) as batches,
        pytest.raises(ReconciliationError, match="the source counts 3 rows and 2 were read"),
    ):
        list(batches)


def test_a_whole_read_passes() -> None:
    with reading(lost=0, verify=True) as batches:
        assert sum(batch.num_rows for batch in batches) == 3
