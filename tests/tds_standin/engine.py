"""Databases, tables with the versions of their rows, transactions and locks, over one SQLite database in memory.

A row's `f` is the commit from which it holds and its `u` the one from which it no longer holds; while a transaction is
open, its number is there with a minus. So any reader can see any moment, and a writer hides nothing but its own.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import functions
from . import kinds as k
from .faults import Fault, Log
from .kinds import Kind
from .locks import Locks
from .registration import register
from .schema import FOREVER, Column, Database, Index, Table, Transaction
from .tokens import SqlError

_MISTAKES = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)
"""What our own functions raise if they are wrong."""


class Engine(Locks):
    """The server's data. Every use of SQLite holds `lock`."""

    def __init__(
        self, databases: Sequence[str] = ("master", "tempdb", "standin"), logins: dict[str, str] | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=0)
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        self.error: BaseException | None = None
        self.running: Any = None
        """The session for which SQLite works."""
        register(self.sqlite, self._guard)
        self.sqlite.set_progress_handler(self._look_up, 200_000)
        self._numbers = itertools.count(1000)
        self.databases: dict[str, Database] = {}
        for name in databases:
            self.create_database(name)
        self.default_database = databases[-1]
        self.logins = logins or {"sa": "Standin-1"}
        self.commits = 0
        self.row_version = 2000
        self._transactions = itertools.count(1)
        self.active: dict[int, Transaction] = {}
        self.sessions: dict[int, Any] = {}
        self.faults: list[Fault] = []
        self.log = Log()
        self.properties: dict[str, Any] = {}
        """SERVERPROPERTY by name in capitals, before the stand-in's own."""
        self.catalog: dict[str, tuple[int, str]] = {}
        """Where the catalogue's views are, and as of which version."""
        self.retired_views: list[str] = []
        self.denied: set[str] = set()
        """Tables (`schema.name`) that SELECT may not read."""
        self.accept_token: Callable[[str], str | None] = lambda token: "token user" if token else None
        """The user that an access token signs in, or None."""

    def _guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Keep the error that a function raises inside of SQLite, which would replace it by its own."""

        def guarded(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except Exception as error:
                self.error = error
                raise

        return guarded

    def _look_up(self) -> int:
        """While SQLite works: whether the session that it works for is to stop."""
        session = self.running
        try:
            if session:
                session.check()
        except Exception as error:
            self.error = error
            return 1
        return 0

    def next_id(self) -> int:
        return 901_578_250 + 16 * next(self._numbers)

    def create_database(self, name: str) -> Database:
        made = Database(name, len(self.databases) + 1)
        self.databases[name.casefold()] = made
        return made

    def database(self, name: str) -> Database:
        found = self.databases.get(name.casefold())
        if not found:
            raise SqlError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
        return found

    def forget(self, session: Any) -> None:
        """A session that is over."""
        self.sessions.pop(session.id, None)
        with self.lock:
            if self.running is session:
                self.running = None

    def execute(self, sql: str, binds: Any = ()) -> sqlite3.Cursor:
        """Run SQLite's SQL; errors of our functions come out as they were raised."""
        with self.lock:
            try:
                return self.sqlite.execute(sql, binds)
            except sqlite3.Error as error:
                raise self.explained(error) from error

    def fetch(self, cursor: sqlite3.Cursor, count: int) -> list[Any]:
        with self.lock:
            try:
                return cursor.fetchmany(count)
            except sqlite3.Error as error:
                raise self.explained(error) from error

    def explained(self, error: sqlite3.Error) -> Exception:
        kept, self.error = self.error, None
        if isinstance(kept, Exception) and not isinstance(kept, _MISTAKES):
            return kept
        if "integer overflow" in str(error):
            return SqlError(8115, "Arithmetic overflow error converting expression to data type bigint.", state=2)
        if "returns more than one row" in str(error):
            return SqlError(512, "Subquery returned more than 1 value. This is not permitted.")
        return SqlError(50_000, f"The stand-in's SQLite says: {kept!r} {error}")

    def create_table(self, database: Database, table: Table) -> None:
        path = (table.schema.casefold(), table.name.casefold())
        if path in database.tables or path in database.views:
            raise SqlError(2714, f"There is already an object named '{table.name}' in the database.", state=6)
        columns = ", ".join(f"c{number}{_collated(column)}" for number, column in enumerate(table.columns))
        self.execute(f"CREATE TABLE {table.stored} (rid INTEGER PRIMARY KEY, f INTEGER, u INTEGER, {columns})")
        database.tables[path] = table
        database.version += 1
        for index in table.indexes:
            self.store_index(table, index)

    def store_index(self, table: Table, index: Index) -> None:
        places = ", ".join(f"c{table.place(name)}" for name, _ in index.columns)
        name = index.name.replace('"', '""')
        self.execute(f'CREATE INDEX "{table.stored} {name}" ON {table.stored} ({places})')

    def drop_table(self, database: Database, table: Table) -> None:
        del database.tables[table.schema.casefold(), table.name.casefold()]
        database.version += 1
        with contextlib.suppress(SqlError):  # a session still reads it; it is out of sight
            self.execute(f"DROP TABLE {table.stored}")

    def fill(self, database: str, table: str, rows: Iterable[Sequence[Any]]) -> int:
        """Put rows of stored values into a table as committed, without any checks: fast, for tests."""
        schema, _, name = table.rpartition(".")
        found = self.database(database).tables[(schema or "dbo").casefold(), name.casefold()]
        marks = ", ".join("?" * len(found.columns))
        with self.lock:
            self.commits += 1
            head = (self.commits, FOREVER)
            before = self.sqlite.total_changes
            self.sqlite.execute("BEGIN")
            self.sqlite.executemany(
                f"INSERT INTO {found.stored} VALUES (?, ?, ?, {marks})",
                ((next(found.next_row), *head, *row) for row in rows),
            )
            self.sqlite.execute("COMMIT")
            return self.sqlite.total_changes - before

    def begin(self) -> Transaction:
        with self.lock:
            made = Transaction(next(self._transactions))
            self.active[made.number] = made
            return made

    def commit(self, transaction: Transaction) -> None:
        with self.changed:
            if transaction.done:
                self.commits += 1
                for op, table, row in transaction.done:
                    column = "f" if op == "new" else "u"
                    self.sqlite.execute(f"UPDATE {table.stored} SET {column} = ? WHERE rid = ?", (self.commits, row))
            self._end(transaction)

    def rollback(self, transaction: Transaction, keep: int = 0) -> None:
        """Undo a transaction, or what it did after its first `keep` steps."""
        with self.changed:
            while len(transaction.done) > keep:
                op, table, row = transaction.done.pop()
                if op == "new":
                    self.sqlite.execute(f"DELETE FROM {table.stored} WHERE rid = ?", (row,))
                else:
                    self.sqlite.execute(f"UPDATE {table.stored} SET u = ? WHERE rid = ?", (FOREVER, row))
            if not keep:
                while transaction.undo:
                    transaction.undo.pop()()

    def end_rolled_back(self, transaction: Transaction) -> None:
        self.rollback(transaction)
        with self.changed:
            self._end(transaction)

    def _end(self, transaction: Transaction) -> None:
        transaction.over = True
        self.active.pop(transaction.number, None)
        for database in self.databases.values():
            for table in database.tables.values():
                for holders in (table.shared, table.exclusive, table.writers):
                    holders.discard(transaction)
        self.changed.notify_all()

    def next_row_version(self, transaction: Transaction) -> bytes:
        with self.lock:
            self.row_version += 1
            if transaction.first_version is None:
                transaction.first_version = self.row_version
            return self.row_version.to_bytes(8, "big")

    def min_active_row_version(self) -> int:
        with self.lock:
            firsts = [one.first_version for one in self.active.values() if one.first_version is not None]
            return min(firsts, default=self.row_version + 1)

    def insert(self, session: Any, transaction: Transaction, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows of stored values, one for each column."""
        self.lock_write(session, transaction, table)
        versions = [index for index, column in enumerate(table.columns) if column.kind.name == "timestamp"]
        required = [(index, column.name) for index, column in enumerate(table.columns) if not column.nullable]
        marks = ", ".join("?" * len(table.columns))
        with self.changed:
            for row in rows:
                values = list(row)
                for index in versions:
                    values[index] = self.next_row_version(transaction)
                for index, name in required:
                    if values[index] is None:
                        raise SqlError(
                            515, f"Cannot insert the value NULL into column '{name}', table "
                            f"'{table.schema}.{table.name}'; "
                            "column does not allow nulls. INSERT fails.", state=2,
                        )  # fmt: skip
                self._check_unique(session, transaction, table, values)
                number = next(table.next_row)
                self.sqlite.execute(
                    f"INSERT INTO {table.stored} VALUES (?, ?, ?, {marks})",
                    (number, -transaction.number, FOREVER, *values),
                )
                transaction.done.append(("new", table, number))

    def _check_unique(self, session: Any, transaction: Transaction, table: Table, values: list[Any]) -> None:
        for index in table.indexes:
            if not index.unique or index.condition:
                continue
            places = [table.place(name) for name, _ in index.columns]
            condition = " AND ".join(f"c{place} IS ?" for place in places)
            query = f"SELECT f, u FROM {table.stored} WHERE {condition} AND (u = {FOREVER} OR u < 0)"
            key = [values[place] for place in places]

            def holders(query: str = query, key: list[Any] = key) -> set[Transaction]:
                numbers = {-number for row in self.sqlite.execute(query, key) for number in row if number < 0}
                return {self.active[number] for number in numbers if number in self.active}

            self.wait(session, transaction, holders)
            if any(u == FOREVER for _, u in self.sqlite.execute(query, key)):
                shown = ", ".join(
                    _shown(value, table.columns[place].kind) for value, place in zip(key, places, strict=True)
                )
                name = f"{table.schema}.{table.name}"
                if index.constraint:
                    kind = "PRIMARY KEY" if index.primary else "UNIQUE KEY"
                    raise SqlError(
                        2627, f"Violation of {kind} constraint '{index.name}'. Cannot insert duplicate key in object "
                        f"'{name}'. The duplicate key value is ({shown}).", level=14,
                    )  # fmt: skip
                raise SqlError(
                    2601, f"Cannot insert duplicate key row in object '{name}' with unique index '{index.name}'. "
                    f"The duplicate key value is ({shown}).", level=14,
                )  # fmt: skip

    def end_rows(self, session: Any, transaction: Transaction, table: Table, rows: Sequence[int]) -> bool:
        """Let rows end with this transaction. False: another one changed some meanwhile, look again."""
        with self.changed:
            for number in rows:
                query = f"SELECT u FROM {table.stored} WHERE rid = {number}"
                holder = [0]

                def holders(query: str = query, holder: list[int] = holder) -> set[Transaction]:
                    found = self.sqlite.execute(query).fetchone()
                    holder[0] = found[0] if found else 0
                    return {self.active[-holder[0]]} if -holder[0] in self.active else set()

                self.wait(session, transaction, holders)
                if holder[0] != FOREVER and holder[0] != -transaction.number:
                    if transaction.snapshot is not None:
                        raise SqlError(
                            3960, "Snapshot isolation transaction aborted due to update conflict. You cannot use "
                            "snapshot "
                            f"isolation to access table '{table.schema}.{table.name}' directly or indirectly in "
                            f"database "
                            f"'{session.database.name}' to update, delete, or insert the row that has been modified or "
                            "deleted by another transaction. Retry the transaction or change the isolation level for "
                            "the "
                            "update/delete statement.", state=2,
                        )  # fmt: skip
                    return False
            for number in rows:
                self.sqlite.execute(f"UPDATE {table.stored} SET u = {-transaction.number} WHERE rid = {number}")
                transaction.done.append(("old", table, number))
        return True

    def close(self) -> None:
        with self.lock:
            self.sqlite.close()


def _collated(column: Column) -> str:
    return f" COLLATE {functions.collation_function(column.kind.collation)}" if column.kind.family == "char" else ""


def _shown(value: Any, kind: Kind) -> str:
    from .convert import cast

    if value is None:
        return "<NULL>"
    return str(cast(value, kind, Kind("nvarchar", k.MAX), 1 if kind.family == "bin" else 0))
