"""What a query of another tool reads, if it is no more than columns and a condition of one table."""

from __future__ import annotations

from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from shared.jobs.source_types import SOURCE_TYPES

_ALLOWED = frozenset(("kind", "expressions", "from", "from_", "where"))


class ReadQuery(NamedTuple):
    """Columns of a table, none for all of them, and the text of a condition, blank for all rows."""

    columns: tuple[str, ...]
    condition: str


def read_query(text: str, source_type: str, schema: str, table: str) -> ReadQuery | None:
    """What a query reads of a table; None if a row of a workbook cannot say it.

    Args:
        text: The query.
        source_type: Of the row.
        schema: Of the table.
        table: The table that the query must be about.
    """
    dialect = SOURCE_TYPES[source_type].filter_dialect
    try:
        query = sqlglot.parse_one(text, read=dialect)
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(query, exp.Select) or any(value for name, value in query.args.items() if name not in _ALLOWED):
        return None
    tables = list(query.find_all(exp.Table))
    if len(tables) != 1 or tables[0].name.lower() != table.lower() or tables[0].alias:
        return None
    if tables[0].db and tables[0].db.lower() != schema.lower():
        return None
    columns: list[str] = []
    for column in query.expressions:
        if isinstance(column, exp.Star):
            if len(query.expressions) != 1:
                return None
        elif isinstance(column, exp.Column) and not isinstance(column.this, exp.Star):
            columns.append(column.name)
        else:
            return None
    where = query.args.get("where")
    return ReadQuery(tuple(columns), where.this.sql(dialect=dialect) if where else "")
