"""What is new in a table since its watermark, in the source's own order.

Numbers, dates and timestamps have one order everywhere, so that the greatest is found while the rows pass. Texts have
the order of their column's collation: there the source names its greatest value first, which is the end of the load,
and marks the rows at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.sources.arrow import misfit
from shared.sources.boundary import Boundary
from shared.sources.columns import ReadColumn, is_respelled, kinds_of
from shared.sources.table_read import Snapshot, TableRead
from shared.sources.watermark import watermark_text

CURSORS, _BOUNDARY = "incremental", "boundary"  # in the resource's state
_MARK = "_at_watermark"
_AT_START, _AT_END = 1, 2

Batches = Callable[[TableRead, Snapshot, sa.Select[Any], tuple[ReadColumn, ...]], Iterator[pa.Table]]


def new_rows(
    read: TableRead, cursor: ReadColumn, snapshot: Snapshot, state: dict[str, Any], batches: Batches
) -> Iterator[pa.Table]:
    """The rows from the watermark on that no load has taken yet; moves the watermark when all have passed.

    Args:
        read: The table and where it starts.
        cursor: Its watermark column.
        snapshot: The picture of it.
        state: The resource's part of the pipeline's state.
        batches: Runs a query and gives its columns as tables, further ones last.

    Raises:
        SourceError: a watermark is no finite number, or it is unclear which rows are new.
    """
    if cursor.order == "source":
        tables = _in_order_of_the_source(read, cursor, snapshot, state, batches)
    else:
        tables = _in_order_of_values(read, cursor, snapshot, state, batches)
    for table in tables:
        if table.num_rows:
            yield table


def _in_order_of_values(
    read: TableRead, cursor: ReadColumn, snapshot: Snapshot, state: dict[str, Any], batches: Batches
) -> Iterator[pa.Table]:
    boundary = _boundary(read, cursor, state)
    query = _recounted(read, cursor, snapshot, boundary, batches, read.new_rows())
    for table in batches(read, snapshot, query, ()):
        _refuse_what_is_not_finite(table, cursor, read)
        yield boundary.new_rows(table)
    yield from _ended(read, cursor, boundary, state)


def _in_order_of_the_source(
    read: TableRead, cursor: ReadColumn, snapshot: Snapshot, state: dict[str, Any], batches: Batches
) -> Iterator[pa.Table]:
    boundary = _boundary(read, cursor, state)
    database = read.database
    query = read.new_rows()
    highest = snapshot.connection.scalar(snapshot.pinned(query.with_only_columns(database.highest(cursor))))
    if isinstance(highest, bytes):  # SQLite keeps bytes in columns of text, too
        raise misfit(cursor.name, highest, cursor.type)
    end = watermark_text(highest)
    if end is None:
        return
    _refuse_text_that_is_not_finite(end, cursor, read)
    boundary.ends_at(end)
    at_end = sa.case((database.equals(cursor, end), _AT_END), else_=0)
    at_start = sa.case((database.equals(cursor, read.start), _AT_START), else_=0) if read.start is not None else None
    mark = ReadColumn(_MARK, at_end if at_start is None else at_start + at_end, pa.int64(), wire=pa.int64())
    query = read.new_rows(mark).where(sa.not_(database.beyond(cursor, end)))
    query = _recounted(read, cursor, snapshot, boundary, batches, query, mark)
    for table in batches(read, snapshot, query, (mark,)):
        marks = table.column(_MARK)
        starts = pc.equal(pc.bit_wise_and(marks, pa.scalar(_AT_START)), pa.scalar(_AT_START))
        ends = pc.equal(pc.bit_wise_and(marks, pa.scalar(_AT_END)), pa.scalar(_AT_END))
        yield boundary.new_rows(table.drop_columns([_MARK]), starts, ends)
    yield from _ended(read, cursor, boundary, state)


def _recounted(
    read: TableRead,
    cursor: ReadColumn,
    snapshot: Snapshot,
    boundary: Boundary,
    batches: Batches,
    query: sa.Select[Any],
    *more: ReadColumn,
) -> sa.Select[Any]:
    """The query; without the rows at the watermark where they are too many to distinguish, and only counted."""
    if boundary.exact:
        return query
    beyond = read.database.beyond(cursor, read.start)
    for table in batches(read, snapshot, query.where(sa.not_(beyond)), more):
        boundary.recount(table.drop_columns([column.name for column in more]))
    boundary.check()
    return query.where(beyond)


def _boundary(read: TableRead, cursor: ReadColumn, state: dict[str, Any]) -> Boundary:
    kinds, known = kinds_of(read.columns), state.setdefault(_BOUNDARY, {})
    upserts = read.job.table_format == "delta" and bool(read.primary_key)
    if upserts and known and not read.options.full_refresh:
        _refuse_respelled_keys(read, known.get("columns", {}), kinds)
    return Boundary(
        known,
        cursor.name,
        kinds,
        read.start,
        keys=read.primary_key or read.source_key,
        upserts=upserts,
        warn=read.options.warn,
    )


def _refuse_respelled_keys(read: TableRead, before: Any, now: Mapping[str, str]) -> None:
    """See that rows are known by the keys that the lake has of them."""
    for key in read.primary_key if isinstance(before, dict) else ():
        if is_respelled(before.get(key, now[key]), now[key]):
            raise SourceError(
                f"Column '{key}' of primary_key was {before[key]} and is {now[key]} now: its values may print "
                "otherwise than in the lake, where an updated row would stay beside its old one. Request a full "
                "refresh of the job."
            )


def _ended(read: TableRead, cursor: ReadColumn, boundary: Boundary, state: dict[str, Any]) -> Iterator[pa.Table]:
    held = boundary.finish()
    if held is not None:
        yield held
    boundary.save()
    highest = boundary.highest
    if read.job.lookback and read.reached is not None:  # the rows since then may be gone
        highest = read.reached if highest is None else max(highest, read.reached)
    state[CURSORS] = {cursor.name: {"last_value": watermark_text(highest)}}


def _refuse_what_is_not_finite(table: pa.Table, cursor: ReadColumn, read: TableRead) -> None:
    column = table.column(cursor.name)
    if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column), min_count=0).as_py():
        raise not_finite(read.table, cursor)


def _refuse_text_that_is_not_finite(end: str, cursor: ReadColumn, read: TableRead) -> None:
    if isinstance(cursor.comparable.type, sa.Numeric) and end.lower().lstrip("-") in ("nan", "infinity"):
        raise not_finite(read.table, cursor)


def not_finite(table: sa.Table, cursor: ReadColumn) -> SourceError:
    """The error for a watermark column with NaN or infinity, beyond which no later row would be."""
    name = cursor.source_name or cursor.name
    return SourceError(
        f"watermark_column '{name}' of table '{table.fullname}' is NaN or infinite in some rows: NaN has no place in "
        f"the order, and no row comes after infinity. Fill it, load the table FULL, or leave those rows out with "
        "query_filter."
    )
