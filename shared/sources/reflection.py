"""Tables as SQLAlchemy describes them: by its inspectors, and in a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


def reflected_table(name: str, schema: str | None, columns: Sequence[Any], keys: Sequence[str]) -> sa.Table:
    """A table of reflected columns."""
    own = (
        sa.Column(one["name"], one["type"], nullable=one["nullable"], primary_key=one["name"] in keys)
        for one in columns
    )
    return sa.Table(name, sa.MetaData(schema=schema), *own)


def table_of(query: sa.Select[Any]) -> sa.Table:
    """The table that a query reads."""
    return next(one for one in query.get_final_froms() if isinstance(one, sa.Table))
