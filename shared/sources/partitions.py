"""One table as ranges of a key, for several readers: balanced by a sample of its keys, and nothing between or beyond.

There are more ranges than readers, so that a reader whose ranges were small takes further ones.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

import sqlalchemy as sa

from shared.models.job import Job
from shared.sources.columns import column_name

log = logging.getLogger(__name__)

RANGES_PER_READER = 4


class Divisible(Protocol):
    """What a snapshot says of a table that is to be divided."""

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:
        """The table in ranges by the database's own means, such as its pages; empty where it has none."""

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        """Some thousands of the column's values, taken over the whole table, in the database's order."""

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:
        """A value of a sample as it is written in a condition on its column."""


def ranges_of(job: Job, table: sa.Table, snapshot: Divisible, readers: int) -> list[sa.ColumnElement[bool]]:
    """Conditions of which every row of a table fulfils exactly one.

    `partition_column` decides if it is named. Without it the database's own ranges come first: they are balanced
    regardless of the keys, and reading by key would have each reader search the whole table.
    """
    wanted = readers * RANGES_PER_READER
    if not job.partition_column and (own := snapshot.own_ranges(table, wanted)):
        return own
    column = _key(job, table)
    if column is None:
        log.warning(
            "Table '%s' has no primary key and no partition_column: one reader reads it.",
            table.fullname,
        )
        return [sa.true()]
    bounds = quantiles(snapshot.sample(column), wanted)
    if len(bounds) < wanted // 2 and (own := snapshot.own_ranges(table, wanted)):
        return own  # a few values have most of the rows
    return key_ranges(column, [snapshot.literal(column, bound) for bound in bounds])


def quantiles(ordered: Sequence[Any], ranges: int) -> list[Any]:
    """The values that divide an ordered sample into so many parts of about one size, each value once.

    NULLs in the sample count for nothing, as they are all in one range anyway; nor do infinity and NaN, which are no
    literals in SQL.
    """
    values = [value for value in ordered if value is not None and not _is_infinite(value)]
    found = (values[len(values) * n // ranges] for n in range(1, ranges) if values)
    return list(dict.fromkeys(found))


def every_so_many(column: sa.ColumnElement[Any], rows: int, wanted: int) -> sa.Select[Any]:
    """A column's values at even distances in its order, some `wanted` of them, chosen by the database.

    Args:
        column: Of a view, or of whatever else the database cannot sample.
        rows: How many rows there are.
        wanted: How many values are to come, about.
    """
    step = max(1, rows // wanted)
    place = sa.func.row_number().over(order_by=column)
    numbered = sa.select(column.label("value"), place.label("place")).subquery("numbered")
    chosen = sa.select(numbered.c.value).order_by(numbered.c.value)
    return (
        chosen if step == 1 else chosen.where(numbered.c.place % sa.literal_column(str(step)) == sa.literal_column("0"))
    )


def key_ranges(column: sa.Column[Any], bounds: Sequence[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[bool]]:
    """The ranges between bounds, as the database orders them; the first has the NULLs too, the last has no end."""
    if not bounds:
        return [sa.true()]
    first = sa.or_(column < bounds[0], column.is_(None))
    between = [sa.and_(column >= low, column < high) for low, high in pairwise(bounds)]
    return [first, *between, column >= bounds[-1]]


def _is_infinite(value: Any) -> bool:
    return isinstance(value, (float, Decimal)) and not math.isfinite(value)


def _key(job: Job, table: sa.Table) -> sa.Column[Any] | None:
    named = job.partition_column or next(iter(job.primary_key), None)
    if named:
        return table.c[column_name(table, named, "partition_column")]
    return next(iter(table.primary_key.columns), None)
