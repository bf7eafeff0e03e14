"""One SQLite file that several hosts may share, and what each of them holds of the work in it."""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_SECONDS = 90.0  # another host may be frozen in the middle of a transaction
_HOLDS = """
CREATE TABLE IF NOT EXISTS holds (
    subject TEXT PRIMARY KEY, holder TEXT NOT NULL, seconds REAL NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
"""


class Database:
    """An open file, made if there is none. Methods may be called from any thread."""

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = threading.RLock()
        # No implicit transactions. NORMAL keeps every commit through a killed process, though not through a power cut.
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {schema}")

    def close(self) -> None:
        """Close the file; every change is in it already."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction, which is the outer one if there is one."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


class Holds:
    """What this host has taken of the work in a database, as a queue hides a message that was taken from it.

    A hold lapses unless it is renewed: after the death of its host, or while that is frozen, another host takes the
    work. The host that thaws does not learn of it before it renews, commits or completes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = uuid.uuid4().hex
        with database.transaction() as connection:
            connection.execute(_HOLDS)

    def claim(self, subject: str, seconds: float) -> bool:
        """Hold something for a time; False if another host holds it."""
        query = """
            INSERT INTO holds VALUES (?1, ?2, ?3, ?4 + ?3) ON CONFLICT (subject) DO UPDATE
                SET holder = excluded.holder, seconds = excluded.seconds, until = excluded.until
                WHERE until <= ?4 OR holder = excluded.holder
            RETURNING 1"""
        with self._database.transaction() as connection:
            return bool(connection.execute(query, (subject, self._holder, seconds, time.time())).fetchall())

    def holds(self, subject: str) -> bool:
        """Whether this host holds it. A hold that has lapsed counts until another host takes it."""
        query = "SELECT 1 FROM holds WHERE subject = ? AND holder = ?"
        with self._database.transaction() as connection:
            return connection.execute(query, (subject, self._holder)).fetchone() is not None

    def held_by_others(self) -> set[str]:
        """What other hosts hold."""
        query = "SELECT subject FROM holds WHERE holder != ? AND until > ?"
        with self._database.transaction() as connection:
            return {row["subject"] for row in connection.execute(query, (self._holder, time.time()))}

    def renew(self) -> None:
        """Hold everything that this host holds for its time again."""
        query = "UPDATE holds SET until = ? + seconds WHERE holder = ?"
        with self._database.transaction() as connection:
            connection.execute(query, (time.time(), self._holder))

    def release(self, subject: str) -> None:
        """Hold it no longer."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM holds WHERE subject = ? AND holder = ?", (subject, self._holder))
