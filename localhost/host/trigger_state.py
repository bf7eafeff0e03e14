"""What timers, blob triggers and queues must remember over a restart and share between hosts, in one SQLite file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from localhost.host.database import Database, Holds

_SCHEMA = """
CREATE TABLE IF NOT EXISTS timers (function TEXT PRIMARY KEY, next_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ticks (function TEXT PRIMARY KEY, due TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS receipts (
    function TEXT, container TEXT, blob TEXT, etag TEXT NOT NULL, attempts INTEGER NOT NULL, is_done INTEGER NOT NULL,
    PRIMARY KEY (function, container, blob));
CREATE TABLE IF NOT EXISTS messages (
    message_id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL);
"""


class TriggerState:
    """The open state; `path` is made if it does not exist."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)
        self._transaction = self._database.transaction
        self.holds = Holds(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def next_occurrence(self, function: str) -> datetime | None:
        """When the timer was due next, as far as the last host knew."""
        with self._transaction() as connection:
            row = connection.execute("SELECT next_at FROM timers WHERE function = ?", (function,)).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    def expect(self, function: str, next_at: datetime) -> None:
        """Remember when the timer is due next."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO timers VALUES (?, ?)", (function, next_at.isoformat()))

    def claim_tick(self, function: str, due: datetime) -> bool:
        """Take a tick; False if another host has taken it, or a later one."""
        query = """
            INSERT INTO ticks VALUES (?, ?) ON CONFLICT (function) DO UPDATE SET due = excluded.due
                WHERE due < excluded.due RETURNING 1"""
        with self._transaction() as connection:
            return bool(connection.execute(query, (function, due.isoformat())).fetchall())

    def is_done(self, function: str, container: str, blob: str, etag: str) -> bool:
        """Whether this version of the blob was dealt with: handled, or given up."""
        query = "SELECT is_done FROM receipts WHERE function = ? AND container = ? AND blob = ? AND etag = ?"
        with self._transaction() as connection:
            row = connection.execute(query, (function, container, blob, etag)).fetchone()
        return row is not None and bool(row[0])

    def begin_attempt(self, function: str, container: str, blob: str, etag: str) -> int:
        """Count an attempt at this version; gives its number, from 1."""
        query = """
            INSERT INTO receipts VALUES (?, ?, ?, ?, 1, 0) ON CONFLICT DO UPDATE SET
                attempts = CASE etag WHEN excluded.etag THEN attempts + 1 ELSE 1 END, etag = excluded.etag, is_done = 0
            RETURNING attempts"""
        with self._transaction() as connection:
            (attempts,) = connection.execute(query, (function, container, blob, etag)).fetchall()[0]
        return int(attempts)

    def finish(self, function: str, container: str, blob: str, etag: str) -> None:
        """Leave the receipt: this version does not come again."""
        query = "UPDATE receipts SET is_done = 1 WHERE function = ? AND container = ? AND blob = ? AND etag = ?"
        with self._transaction() as connection:
            connection.execute(query, (function, container, blob, etag))

    def leave(self, queue: str, body: str) -> None:
        """Put a message into a queue."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO messages (queue, body, attempts) VALUES (?, ?, 0)", (queue, body))

    def messages(self, queue: str) -> list[tuple[int, str]]:
        """The messages in a queue, oldest first: their ids and bodies."""
        query = "SELECT message_id, body FROM messages WHERE queue = ? ORDER BY message_id"
        with self._transaction() as connection:
            return [(int(row["message_id"]), str(row["body"])) for row in connection.execute(query, (queue,))]

    def begin_delivery(self, message_id: int) -> int:
        """Count an attempt at a message; gives its number, from 1."""
        query = "UPDATE messages SET attempts = attempts + 1 WHERE message_id = ? RETURNING attempts"
        with self._transaction() as connection:
            (row,) = connection.execute(query, (message_id,)).fetchall()
        return int(row["attempts"])

    def drop(self, message_id: int) -> None:
        """Remove a message."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM messages WHERE message_id = ?", (message_id,))
