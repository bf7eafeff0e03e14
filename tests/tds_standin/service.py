"""The stand-in as a service of the tests: a server in a process of its own, and what a test does to it.

It is no thread of the test: mssql-python keeps the interpreter to itself while it waits for long values.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mssql_python
import sqlalchemy as sa

from localhost.services.process import GuardedProcess

from .client import Client

USER = "reader"
_OWN_USER = "sa"  # so that a fault of the reader's logins leaves the tests alone
PASSWORD = "Standin-1"
_PATIENCE = 300  # seconds; readers of a busy machine may keep a writer waiting
DATABASE = "standin"
DRIVERS = ("mssql-python", "pyodbc")
"""The product's drivers, as a secret names them."""


class TdsService:
    """A server with one login, started and stopped as a context manager.

    Args:
        folder: Keeps the server's log.
        arguments: Further options of `python -m tests.tds_standin`.
    """

    host = "127.0.0.1"
    schema = "dbo"

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self._arguments = arguments
        self._process: GuardedProcess | None = None
        self.port = 0

    def __enter__(self) -> Self:
        start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.tds_standin.__main__ import main; main()"
        logins = [part for user in (USER, _OWN_USER) for part in ("--login", f"{user}/{PASSWORD}")]
        self._process = GuardedProcess(
            [sys.executable, "-c", start, Path(__file__).parents[2], "--port", "0", *logins, *self._arguments],
            self._folder / "tds_standin.log",
        )
        self.port = int(self._process.wait_for(r"listening on .*:(\d+)")[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            self._process.stop()

    def secret(self, driver: str = DRIVERS[0]) -> dict[str, Any]:
        """The connection as a secret holds it."""
        where = {"host": self.host, "port": self.port, "database": DATABASE, "username": USER, "password": PASSWORD}
        return {**where, "trust_server_certificate": True, "driver": driver}

    def client(self) -> Client:
        """A connection that commits each statement, by the stand-in's own client."""
        return Client(self.port, user=_OWN_USER, password=PASSWORD, timeout=_PATIENCE)

    def execute(self, *batches: str) -> None:
        """Run batches, each committed by itself."""
        client = self.client()
        try:
            for batch in batches:
                client.run(batch)
        finally:
            client.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        client = self.client()
        try:
            return client.rows(query)
        finally:
            client.close()

    def fill(self, table: str, rows: int) -> None:
        """Put rows into a table that count up: see `filling`."""
        self.execute(f"EXEC standin_fill '{table}', {rows}")

    def order(self, match: str, **fault: Any) -> None:
        """Order a fault: see `faults.Fault`."""
        order = json.dumps({"match": match, **fault}).replace("'", "''")
        self.execute(f"EXEC standin_fault N'{order}'")

    def clear(self) -> None:
        """Forget the faults and what clients sent."""
        self.execute("EXEC standin_clear")

    def said(self, match: str = "") -> list[str]:
        """The statements that clients sent and that match, in order."""
        pattern = match.replace("'", "''")
        found = [row[3] for row in self.rows(f"EXEC standin_log N'{pattern}'")]
        return [text for text in found if not re.match("EXEC standin_", text)]

    def engine(self) -> sa.Engine:
        """An engine for tables that a test writes, by the product's own driver."""
        string = f"Server={self.host},{self.port};Database={DATABASE};UID={_OWN_USER};PWD={PASSWORD};"
        string += "Encrypt=yes;TrustServerCertificate=yes;"
        return sa.create_engine(
            "mssql+mssqlpython://", creator=lambda: mssql_python.connect(string), poolclass=sa.NullPool
        )
