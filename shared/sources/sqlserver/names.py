"""Where a job's table is: schemas whose names have dots or brackets, and synonyms."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from shared.errors.hierarchy import SourceError

_MOST_SYNONYMS = 8  # one for another
_SCHEMA = sa.text("SELECT name FROM sys.schemas WHERE name = :schema")
_SYNONYM = sa.text(
    "SELECT base_object_name FROM sys.synonyms "
    "WHERE name = :name AND SCHEMA_NAME(schema_id) = COALESCE(:schema, SCHEMA_NAME())"
)
_SCHEMA_OF = sa.text("SELECT OBJECT_SCHEMA_NAME(OBJECT_ID(:written))")
_IS_THIS = sa.text("SELECT CASE WHEN DB_ID(:name) = DB_ID() THEN 1 ELSE 0 END")
_PART = re.compile(r"\[((?:[^\]]|\]\])*)\]|([^.\[\]]+)|(?<=\.)(?=\.)")


def located(connection: sa.Connection, name: str, schema: str | None) -> tuple[str, str | None]:
    """Name and schema of the table or view behind a name, as SQLAlchemy spells them.

    Raises:
        SourceError: it is a synonym of a table in another database.
    """
    shown = f"{schema}.{name}" if schema else name
    schema = as_schema(connection, schema)
    for _ in range(_MOST_SYNONYMS):
        if sa.inspect(connection).has_table(name, schema):
            break
        written = connection.scalar(_SYNONYM, {"name": name, "schema": schema})
        if written is None:
            break
        *elsewhere, base_schema, base = parts(str(written))
        if any(elsewhere) and (len(elsewhere) > 1 or not connection.scalar(_IS_THIS, {"name": elsewhere[0]})):
            raise SourceError(
                f"'{shown}' is a synonym of {written}, which is in another database: name that database in the secret "
                "of a separate source, or load a view of it."
            )
        found = base_schema or connection.scalar(_SCHEMA_OF, {"written": str(written)}) or schema
        name, schema = base, as_schema(connection, found)
    return name, schema


def parts(written: str) -> list[str]:
    """The parts of an object's name as T-SQL writes it, the schema's and the object's at least."""
    found = [(one[1] or "").replace("]]", "]") or one[2] or "" for one in _PART.finditer(written)]
    return found if len(found) > 1 else ["", *found]


def as_schema(connection: sa.Connection, schema: str | None) -> str | None:
    """A schema so that SQLAlchemy takes its name as it is; it would part `a.b` into a database and its schema."""
    if schema is None or not re.search(r"[.\[\]]", schema):
        return schema
    if connection.execute(_SCHEMA, {"schema": schema}).first() is None:
        return schema
    return quoted_name(schema, quote=True)
