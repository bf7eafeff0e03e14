"""A session's transaction: one writes at a time, and what SQLite refuses becomes an error of Oracle's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from .catalogue import Database
from .compiler import Compiler
from .conversions import Session
from .functions import register
from .values import OracleError, Type


class Transaction(Session):
    """The user, transaction and settings of a session."""

    def __init__(self, database: Database, user: str) -> None:
        super().__init__()
        self.database = database
        self.user = user
        self.schema = user
        self.read_only_scn: int | None = None
        self.writes = False
        self.has_transaction = False
        self._errors: list[OracleError] = []
        self._connection = database.connect()
        register(self._connection, self, self._errors)

    def close(self) -> None:
        self.rollback()
        self._connection.close()

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        self.read_only_scn, self.has_transaction = None, False
        if self.writes:
            self._connection.execute(how)
            self.database.scn += how == "COMMIT"
            self.writes = False
            self.database.writing.release()

    def _explained(self, error: sqlite3.Error) -> OracleError:
        if self._errors:
            kept = self._errors.pop()
            self._errors.clear()
            return kept
        text = str(error)
        if text.startswith("UNIQUE"):
            return OracleError(1, "unique constraint violated")
        if text.startswith("NOT NULL"):
            return OracleError(1400, f"cannot insert NULL into ({text.rpartition(': ')[2]})")
        return OracleError(600, f"internal error code, arguments: [{text}]")

    def _compiler(self, text: str, binds: Sequence[tuple[Type, Any]]) -> Compiler:
        return Compiler(text, self, self.database, binds, self.read_only_scn, self.schema)

    def _begin(self) -> int:
        if self.read_only_scn is not None:
            raise OracleError(1456, "may not perform insert, delete, update operation inside a READ ONLY transaction")
        if not self.writes:
            if not self.database.writing.acquire(timeout=60):
                raise OracleError(60, "deadlock detected while waiting for resource")
            self._connection.execute("BEGIN IMMEDIATE")
            self.writes = True
        return self.database.scn + 1
