"""What one client's connection is to the data: its database, options, transaction and what it may ask."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from . import functions
from .engine import Engine
from .login import Login
from .questions import Questions
from .schema import CancelledError, Column, Database, Table, Transaction, View
from .tokens import SqlError

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSI = (
    "ANSI_WARNINGS",
    "ANSI_PADDING",
    "ANSI_NULLS",
    "QUOTED_IDENTIFIER",
    "CONCAT_NULL_YIELDS_NULL",
    "ANSI_NULL_DFLT_ON",
)
_NOBODY = -(1 << 62)


class Session(Questions):
    """One session."""

    def __init__(self, engine: Engine, number: int, login: Login, user: str) -> None:
        self.engine, self.id, self.login, self.user = engine, number, login, user
        self.started = functions.now_ticks()
        self.encrypted, self.packet_size = False, 4096
        self.interrupted: Callable[[], bool] = lambda: False
        self.hang_up: Callable[[], None] = lambda: None
        self.busy = False
        self.stopped = threading.Event()
        self.transaction: Transaction | None = None
        self.database = engine.database(login.database or engine.default_database)
        self.reset()

    def reset(self) -> None:
        """The state of a session that has just begun."""
        self.database = self.engine.database(self.login.database or self.engine.default_database)
        self.default_schema = "dbo"
        self.options: dict[str, str] = dict.fromkeys(_ANSI, "ON")
        self.isolation = "READ COMMITTED"
        self.lock_timeout = -1
        self.row_count = self.error = 0
        self.identity: int | None = None
        self.caught: SqlError | None = None
        self.temporary: dict[str, Table] = {}
        self.context: dict[str, Any] = {}
        self.identity_insert: Table | None = None
        self.now = functions.now_ticks()

    def check(self) -> None:
        """Stop what runs when the client or a KILL asks for it."""
        if self.stopped.is_set():
            raise SqlError(596, "Cannot continue the execution because the session is in the kill state.", 21)
        if self.interrupted():
            raise CancelledError

    def on(self, option: str) -> bool:
        return self.options.get(option, "OFF").upper() == "ON"

    def full_path(self, path: tuple[str, ...]) -> tuple[Database, str, str]:
        """The database, schema and name that a path of one to four parts means."""
        parts = ("", "", "", *path)[-3:]
        database = self.engine.database(parts[0]) if parts[0] else self.database
        return database, parts[1] or self.default_schema, parts[2]

    def find(self, path: tuple[str, ...]) -> Table | View | None:
        if path[-1].startswith(("#", "@")):
            return self.temporary.get(path[-1].casefold())
        database, schema, name = self.full_path(path)
        key = (schema.casefold(), name.casefold())
        if key in database.synonyms:
            return self.find(database.synonyms[key][2])
        return database.tables.get(key) or database.views.get(key)

    def table(self, path: tuple[str, ...]) -> Table:
        found = self.find(path)
        if not isinstance(found, Table):
            raise SqlError(208, f"Invalid object name '{'.'.join(path)}'.")
        return found

    def view_columns(self, database: Database, view: View) -> list[Column]:
        from .compiler import Compiler

        try:
            values = Compiler(self, {}).query(view.query).values
        except SqlError:  # what it reads is gone
            return []
        names = view.columns or [value.name for value in values]
        return [Column(name, value.kind, value.nullable) for name, value in zip(names, values, strict=True)]

    def next_value(self, path: tuple[str, ...]) -> int:
        database, schema, name = self.full_path(path)
        found = database.sequences.get((schema.casefold(), name.casefold()))
        if not found:
            raise SqlError(208, f"Invalid object name '{'.'.join(path)}'.")
        with self.engine.lock:
            found[2] += 1
            return int(found[2]) - 1

    def run(self, sql: str, binds: dict[str, Any], moment: int) -> sqlite3.Cursor:
        """Run a compiled statement as of a moment."""
        own = -self.transaction.number if self.transaction else _NOBODY
        with self.engine.lock:
            self.engine.running = self
            return self.engine.execute(sql, {**binds, "moment": moment, "own": own})

    def fetch(self, cursor: sqlite3.Cursor, count: int) -> list[Any]:
        with self.engine.lock:
            self.engine.running = self
            return self.engine.fetch(cursor, count)

    def moment(self, in_memory: bool = False) -> int:
        """As of which commit a statement that begins now reads; a table in memory is always read in a snapshot."""
        if in_memory and self.transaction:
            self.transaction.snapshot = self.transaction.snapshot or self.engine.commits
            return self.transaction.snapshot
        if self.isolation != "SNAPSHOT":
            return self.engine.commits
        if not self.database.snapshots:
            raise SqlError(
                3952, f"Snapshot isolation transaction failed accessing database '{self.database.name}' because "
                f"snapshot "
                "isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation.",
            )  # fmt: skip
        if not self.transaction:
            return self.engine.commits
        if self.transaction.snapshot is None:
            self.transaction.snapshot = self.engine.commits
        return self.transaction.snapshot
