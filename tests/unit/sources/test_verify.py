"""`verify`: the source's own figures decide whether a read was whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from shared.errors.hierarchy import ReconciliationError
from shared.sources.columns import ReadColumn
from shared.sources.loader import _batches
from shared.sources.source import ReadOptions
from shared.sources.sql import SqlSource
from shared.sources.table_read import TableRead
from shared.sources.verification import Tally
from tests.builders import a_job

FIELDS: list[pa.Field[Any]] = [pa.field("id", pa.int64()), pa.field("weight", pa.float64())]
SCHEMA = pa.schema(FIELDS)
BIG = 2**60  # beyond what a double counts exactly


class Totals:
    """What the loader asks of a source here: the count and sums, as every SQL database gives them."""

    recount = SqlSource.recount
    count = SqlSource.count
    total = SqlSource.total


class BrokenSnapshot:
    """A table of three rows in SQLite, read by a driver that loses or changes some of them."""

    readers = 1

    def __init__(self, connection: sa.Connection, lost: int, added: int) -> None:
        self.connection = connection
        self._lost = lost
        self._added = added

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[pa.RecordBatch]:
        rows = self.connection.execute(query).fetchall()[self._lost :]
        numbers = pa.array([number + self._added for number, _ in rows], pa.int64())
        yield pa.record_batch([numbers, pa.array([weight for _, weight in rows], pa.float64())], schema=SCHEMA)


def _engine() -> sa.Engine:
    """One database in memory for the reader's thread and for the question."""
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})


@contextmanager
def reading(*, lost: int = 0, added: int = 0, **job: Any) -> Iterator[Iterator[pa.Table]]:
    table = sa.Table("orders", sa.MetaData(), sa.Column("id", sa.BigInteger), sa.Column("weight", sa.Double))
    with _engine().connect() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"id": BIG - n, "weight": 0.1} for n in (1, 2, 3)])
        columns = [ReadColumn("id", table.c.id, pa.int64()), ReadColumn("weight", table.c.weight, pa.float64())]
        read = TableRead(a_job(**job), Totals(), ReadOptions(), table, columns, SCHEMA)  # type: ignore[arg-type]
        snapshot: Any = BrokenSnapshot(connection, lost, added)
        yield _batches(read, snapshot, sa.select(table.c.id, table.c.weight))


@pytest.mark.parametrize("verify", [True, "SUMS"])
def test_a_read_that_lost_rows_is_refused_where_the_job_verifies(verify: object) -> None:
    with (
        reading(lost=1, verify=verify) as batches,
        pytest.raises(ReconciliationError, match="the source counts 3 rows and 2 were read"),
    ):
        list(batches)


def test_a_whole_read_passes() -> None:
    with reading(verify=True) as batches:
        assert sum(batch.num_rows for batch in batches) == 3


def test_a_changed_number_is_refused_where_the_job_verifies_sums() -> None:
    with (
        reading(verify="SUMS", added=1) as batches,
        pytest.raises(ReconciliationError, match=f"column 'id' adds up to {3 * BIG - 6} .* and to {3 * BIG - 3} as"),
    ):
        list(batches)


def test_numbers_that_changed_on_their_way_pass_where_only_rows_are_counted() -> None:
    with reading(verify=True, added=1) as batches:
        assert sum(batch.num_rows for batch in batches) == 3


def _tally(arrow_type: pa.DataType, *batches: list[Any]) -> Decimal:
    column = ReadColumn("n", sa.column("n"), arrow_type)
    table = sa.table("orders", sa.column("n"))
    read = TableRead(a_job(verify="SUMS"), Totals(), ReadOptions(), table, [column], pa.schema([]))  # type: ignore[arg-type]
    tally = Tally(read)
    for batch in batches:
        tally.add(pa.table({"n": pa.array(batch, arrow_type)}))
    return tally.sums["n"]


def test_sums_are_exact_beyond_the_range_of_their_type() -> None:
    assert _tally(pa.int64(), [2**63 - 1] * 3, [2**63 - 1, None], []) == 4 * (2**63 - 1)
    nines = Decimal("9" * 29 + "." + "9" * 9)
    total = _tally(pa.decimal128(38, 9), [nines] * 3, [Decimal("0.000000001")])
    assert str(total) == "299999999999999999999999999999.999999998"
    assert _tally(pa.decimal128(9, 2), []) == 0


def test_floating_point_columns_have_no_sum() -> None:
    column = ReadColumn("n", sa.column("n"), pa.float64())
    read = TableRead(a_job(verify="SUMS"), None, ReadOptions(), None, [column], pa.schema([]))  # type: ignore[arg-type]
    assert Tally(read).sums == {}
