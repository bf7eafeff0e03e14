"""The catalogue's views: what their columns are and what they hold."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .catalog_columns import COLUMNS, Row
from .catalog_rows import ServerRows
from .decoding import variant
from .kinds import Kind
from .schema import Database

if TYPE_CHECKING:
    from .session import Session

_numbers = itertools.count(1)
_RETIRED = 32  # rows of views as they were, which statements may still read
_VOLATILE = {
    "sys.partitions",
    "sys.dm_db_partition_stats",
    "sys.allocation_units",
    "sys.dm_exec_sessions",
    "sys.dm_exec_connections",
    "sys.databases",
    "sys.identity_columns",
}


def system_view(
    session: Session, database: Database, schema: str, name: str
) -> tuple[str, list[tuple[str, Kind]]] | None:
    """The SQLite table that holds a view's rows as they are now, and its columns. None: there is no such view."""
    full = f"{schema}.{name}".casefold()
    if full not in COLUMNS:
        return None
    engine, columns = session.engine, COLUMNS[full]
    key = f"{database.name}.{full}"
    with engine.lock:
        kept = engine.catalog
        version, stored = kept.get(key, (-1, ""))
        if version == database.version and full not in _VOLATILE:
            return stored, columns
        if stored:  # the statement itself may have read the view already
            engine.retired_views.append(stored)
        while len(engine.retired_views) > _RETIRED:
            with contextlib.suppress(Exception):
                engine.execute(f"DROP TABLE {engine.retired_views.pop(0)}")
        stored = f"s{next(_numbers)}"
        listed = ", ".join(
            f"c{index}" + " COLLATE no_case" * (kind.family == "char") for index, (_, kind) in enumerate(columns)
        )
        engine.execute(f"CREATE TABLE {stored} ({listed})")
        marks = ", ".join("?" * len(columns))
        rows = [
            tuple(_stored(row.get(name.lower()), kind) for name, kind in columns)
            for row in _rows(full)(ServerRows(session, database))
        ]
        engine.sqlite.executemany(f"INSERT INTO {stored} VALUES ({marks})", rows)
        kept[key] = (database.version, stored)
    return stored, columns


def _stored(value: Any, kind: Kind) -> Any:
    if value is None or kind.name != "sql_variant" or isinstance(value, bytes):
        return int(value) if isinstance(value, bool) else value
    return variant(k.BIGINT, value) if isinstance(value, int) else variant(Kind("nvarchar", 4000), value)


def _rows(name: str) -> Callable[[ServerRows], Iterator[Row]]:
    wanted = name.replace("sys.all_", "sys.").replace(".", "_")
    return getattr(ServerRows, wanted, ServerRows.nothing)
