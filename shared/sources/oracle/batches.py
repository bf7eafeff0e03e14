"""Batches of a bounded number of bytes: the driver fetches by rows, so the rows of a batch follow from their width.

A narrow table needs no question: its columns' lengths bound a row. Where they do not (large objects, many long texts)
the database measures the rows, and the query is split by their width: the many short rows come in large batches, and
the few long ones in small batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import oracledb
import pyarrow as pa
import sqlalchemy as sa

from shared.sources.arrow import misfit
from shared.sources.columns import ReadColumn
from shared.sources.oracle.connection import OracleConnection
from shared.sources.oracle.types import UNMEASURED, is_large, time_text

BATCH_BYTES = 8 * 1024 * 1024
"""What one reader fetches at once, at most, as the database counts it: three bytes of text may count as one there."""

_FEW_ROWS = 1000  # a round trip for fewer rows than these costs more than measuring the rows first
_WIDTHS = (4 * 1024, 64 * 1024, 1024 * 1024)  # bytes of a row that divide the parts of a query
_COPIES = 2  # of a large object, that the driver has more than of other values
_LONG_ROWS = 16  # Oracle measures no LONG
_OTHER_BYTES = 64  # of a number, a time, or the text of one
_MEASURED_FROM = 256  # bytes; a shorter text counts as full

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """A query for some of the rows, and how many of them to fetch at once."""

    query: sa.Select[Any]
    rows: int


@dataclass(frozen=True)
class Reading:
    """How a job reads: its connection, how a query becomes SQL, and the rows of a batch, at most."""

    connection: OracleConnection
    compile: Callable[[sa.Select[Any]], str]
    chunk_size: int

    def batches(
        self, connection: oracledb.Connection, query: sa.Select[Any], columns: Sequence[ReadColumn], readers: int
    ) -> Iterator[pa.Table]:
        """The result of a query, in the types that the columns ask for.

        Args:
            connection: where it is read.
            query: what is read.
            columns: its columns, in their order.
            readers: how many read at once; they share the memory.
        """

        def ask(question: sa.Select[*tuple[Any, ...]]) -> Row:
            with connection.cursor() as cursor:
                row: Row = cursor.execute(self.compile(question)).fetchone()
            return row

        wanted = pa.schema([pa.field(column.name, column.wire_type) for column in columns])
        try:
            for part in parts_of(query, columns, self.chunk_size, readers, ask):
                frames = connection.fetch_df_batches(
                    self.compile(part.query), size=part.rows, fetch_decimals=True, requested_schema=wanted
                )
                for frame in frames:
                    yield pa.table(frame)
        except ValueError:  # what the driver raises for a year that Python does not have
            _refuse_years_before_the_first(query, columns, ask)
            raise


def parts_of(
    query: sa.Select[Any],
    columns: Sequence[ReadColumn],
    chunk_size: int,
    readers: int,
    ask: Callable[[sa.Select[*tuple[Any, ...]]], Row],
) -> list[Part]:
    """The query, or the parts into which it is split so that every batch is small.

    Args:
        query: what is read.
        columns: its columns.
        chunk_size: the rows of a batch, at most.
        readers: how many read at once.
        ask: gives the one row that a query has.
    """
    expressions = [column.comparable for column in columns]
    has_large = any(map(is_large, expressions))
    budget = BATCH_BYTES // readers // (_COPIES if has_large else 1)
    most = min(chunk_size, _LONG_ROWS) if any(isinstance(one.type, UNMEASURED) for one in expressions) else chunk_size
    fitting = budget // max(sum(map(_declared_bytes, expressions)), 1)
    if not has_large and fitting >= min(most, _FEW_ROWS):
        return [Part(query, min(most, fitting))]
    width = _width(expressions)
    widest: list[sa.ColumnElement[Any]] = [sa.func.max(sa.case((width <= limit, width))) for limit in _WIDTHS]
    found = ask(query.with_only_columns(*widest, sa.func.max(width), maintain_column_froms=True))
    widths = sorted({int(one) for one in found if one is not None})
    if not widths:
        return [Part(query, most)]
    if budget // widths[-1] >= min(most, _FEW_ROWS):
        return [Part(query, min(most, budget // widths[-1]))]
    rows = [max(min(most, budget // one), 1) for one in widths]
    if len(widths) == 1:
        return [Part(query, rows[0])]
    last = Part(query.where(width > widths[-2]), rows[-1])
    bounds = zip([0, *widths], widths[:-1], rows, strict=False)
    return [*(Part(query.where(width > above, width <= most_wide), count) for above, most_wide, count in bounds), last]


def _refuse_years_before_the_first(
    query: sa.Select[Any], columns: Sequence[ReadColumn], ask: Callable[[sa.Select[*tuple[Any, ...]]], Row]
) -> None:
    """Raise SourceError for the first column that has a time before the year 1, if there is one."""
    first: sa.ColumnElement[Any] = sa.literal_column("DATE '0001-01-01'")
    for column in columns:
        if pa.types.is_temporal(column.wire_type):
            earliest = sa.func.min(column.comparable, type_=column.comparable.type)
            least: list[sa.ColumnElement[Any]] = [sa.case((earliest < first, time_text(earliest)))]
            (text,) = ask(query.with_only_columns(*least, maintain_column_froms=True))
            if text:
                raise misfit(column.name, text, column.type)


def _declared_bytes(expression: sa.ColumnElement[Any]) -> int:
    """The bytes that a value has at most, by its type; of a large object, what a locator has."""
    length = 0 if is_large(expression) else getattr(expression.type, "length", None)
    return max(length or 0, _OTHER_BYTES)


def _width(expressions: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[int]:
    """The bytes of a row, as the database measures them; never NULL."""
    measured: list[sa.ColumnElement[Any]] = []
    fixed = 0
    for expression in expressions:
        if is_large(expression):
            measured.append(sa.func.NVL(sa.func.DBMS_LOB.GETLENGTH(expression), 0))
        elif isinstance(expression.type, sa.String) and _declared_bytes(expression) >= _MEASURED_FROM:
            measured.append(sa.func.NVL(sa.func.LENGTHB(expression), 0))
        else:
            fixed += _declared_bytes(expression)
    total: sa.ColumnElement[int] = sa.literal_column(str(fixed), sa.Integer())
    for one in measured:
        total = total + one
    return total
