"""An Oracle table in ranges of rowids: each reader reads its own blocks, regardless of the keys.

The bounds come from a sample of the table's blocks: which extents a table has is for administrators to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from shared.sources.partitions import quantiles

SAMPLED_BLOCKS = 200


_ROWID: sa.ColumnElement[Any] = sa.literal_column("ROWID")


_TABLES = sa.table(
    "all_tables", *(sa.column(name) for name in ("owner", "table_name", "blocks", "iot_type")), schema="sys"
)


def blocks_query(table: sa.Table, dialect: sa.Dialect) -> sa.Select[Any]:
    """The blocks of a table as the optimiser's statistics have them; no row for a view, or a table that is an index."""
    return _of(table, dialect, sa.select(_TABLES.c.blocks)).where(_TABLES.c.iot_type.is_(None))


def tables_query(table: sa.Table, dialect: sa.Dialect) -> sa.Select[Any]:
    """The name of a table that is stored as one; no row for a view."""
    return _of(table, dialect, sa.select(_TABLES.c.table_name))


def _of(table: sa.Table, dialect: sa.Dialect, query: sa.Select[Any]) -> sa.Select[Any]:
    name = dialect.denormalize_name
    owner = name(table.schema) if table.schema else sa.literal_column("SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')")
    return query.where(_TABLES.c.owner == owner, _TABLES.c.table_name == name(table.name))


def sample_query(table: sa.Table, blocks: int) -> sa.Select[Any]:
    """Rowids of some of a table's blocks, all over it, in the database's order."""
    query = sa.select(sa.func.ROWIDTOCHAR(_ROWID)).select_from(table).order_by(_ROWID)
    if blocks <= SAMPLED_BLOCKS:
        return query
    return query.with_hint(table, f"SAMPLE BLOCK ({100.0 * SAMPLED_BLOCKS / blocks:.6f})", "oracle")


def rowid_ranges(sampled: Sequence[str], ranges: int) -> list[sa.ColumnElement[bool]]:
    """Conditions of which every row fulfils exactly one; none where the sample has too few rows to divide."""
    bounds = [sa.func.CHARTOROWID(rowid) for rowid in quantiles(sampled, ranges)]
    if not bounds:
        return []
    between = [sa.and_(low <= _ROWID, high > _ROWID) for low, high in pairwise(bounds)]
    return [bounds[0] > _ROWID, *between, bounds[-1] <= _ROWID]
