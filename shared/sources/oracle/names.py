"""What a name of the workbook means in Oracle's catalogue, and how a name of the catalogue is written in the workbook.

As in Oracle's SQL, case does not count without double quotes: `employees` and `EMPLOYEES` are the same table. A table
whose own name has small letters is found by that name, too; if another differs from it in case only, it needs the
quotes: `"Employees"`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from shared.errors.hierarchy import SourceError

_READABLE = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SYNONYM")
_MOST_SYNONYMS = 8  # one for another

_USERS = sa.table("all_users", sa.column("username"), schema="sys")
_OBJECTS = sa.table("all_objects", *(sa.column(name) for name in ("owner", "object_name", "object_type")), schema="sys")
_SYNONYMS = sa.table(
    "all_synonyms",
    *(sa.column(name) for name in ("owner", "synonym_name", "table_owner", "table_name", "db_link")),
    schema="sys",
)


def find_owner(connection: sa.Connection, schema: str) -> str:
    """The owner that a schema_name means, as the catalogue has it; the name in capitals if there is none."""
    plain = _unquoted(schema)
    found = connection.scalars(sa.select(_USERS.c.username).where(sa.func.UPPER(_USERS.c.username) == plain.upper()))
    return _meant(schema, list(found)) or (plain if plain != schema else plain.upper())


def find_table(connection: sa.Connection, owner: str, name: str) -> tuple[str, str] | None:
    """Owner and name of the table or view that a table_name means, behind any synonyms; None if there is none.

    Raises:
        SourceError: it is a synonym for a table of another database.
    """
    for _ in range(_MOST_SYNONYMS):
        objects = _objects_called(connection, owner, name)
        found = _meant(name, [found for found, _ in objects])
        if found is None:
            return None
        if any(kind != "SYNONYM" for one, kind in objects if one == found):
            return owner, found
        owner, name = _target(connection, owner, found)
    return None


def written(names: Iterable[str]) -> dict[str, str]:
    """Names of the catalogue by their names in the workbook: small, or quoted if another in capitals would be meant."""
    listed = list(names)
    alike = Counter(name.upper() for name in listed)
    return {name.lower() if alike[name.upper()] == 1 or name == name.upper() else f'"{name}"': name for name in listed}


def _objects_called(connection: sa.Connection, owner: str, name: str) -> Sequence[Any]:
    query = sa.select(_OBJECTS.c.object_name, _OBJECTS.c.object_type).where(
        _OBJECTS.c.owner == owner,
        sa.func.UPPER(_OBJECTS.c.object_name) == _unquoted(name).upper(),
        _OBJECTS.c.object_type.in_(_READABLE),
    )
    return connection.execute(query).all()


def _target(connection: sa.Connection, owner: str, name: str) -> tuple[str, str]:
    columns = _SYNONYMS.c
    query = sa.select(columns.table_owner, columns.table_name, columns.db_link)
    found = connection.execute(query.where(columns.owner == owner, columns.synonym_name == name)).one()
    if found.db_link:
        raise SourceError(
            f"Table '{owner}.{name}' is a synonym for {found.table_name} in another database (link {found.db_link}), "
            "of which no snapshot can be read here: make the other database a separate source."
        )
    return str(found.table_owner), f'"{found.table_name}"'


def _meant(name: str, candidates: Sequence[str]) -> str | None:
    """Which of the names that differ in case only is meant."""
    plain = _unquoted(name)
    if plain != name:
        return plain if plain in candidates else None
    order = [plain.upper(), plain] if plain == plain.lower() else [plain, plain.upper()]
    exact = next((one for one in order if one in candidates), None)
    return exact or (candidates[0] if len(set(candidates)) == 1 else None)


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] == '"' else name
