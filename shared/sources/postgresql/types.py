"""Types of PostgreSQL that SQLAlchemy does not know, or takes for others."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class Xid8(sa.types.UserDefinedType[int]):
    """The number of a transaction (`pg_current_xact_id()`), which never comes again; SQLAlchemy does not know it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "XID8"


class OneByte(sa.types.UserDefinedType[str]):
    """The type "char" of the catalogue's tables, which SQLAlchemy takes for a text.

    It is ordered by its byte, and the greatest of it by the database's collation.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return '"char"'
