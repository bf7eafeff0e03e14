"""The servers whose tables are loaded: PostgreSQL, and the tests' stand-ins for SQL Server and for Oracle.

Each runs in processes of its own, so that the loading process is measured alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote_plus

import oracledb
import sqlalchemy as sa

from benchmarks.cases import Case, make_table
from benchmarks.standin_tables import statements
from localhost.local_app import LocalApp
from localhost.services.process import GuardedProcess
from shared.sources.sqlserver.library import library_of_the_wheel
from tests.tds_standin.service import DATABASE, TdsService

POSTGRESQL_DATABASE = "benchmark"
_HOST = "127.0.0.1"
_USER, _PASSWORD, _SERVICE = "reader", "oracle-p4ss", "standin"


class Server(Protocol):
    """What holds the tables of a benchmark."""

    def make(self, case: Case, rows: int) -> str:
        """Make a case's table with so many rows, and return its name."""

    def drop(self, table: str) -> None:
        """Drop a table."""

    def order(self) -> dict[str, Any]:
        """How a way reaches it: the secret, the workbook's words for it, and SQLAlchemy's URL for plain dlt."""


@contextmanager
def server_for(database: str, app: LocalApp, folder: Path) -> Iterator[Server]:
    """The server of a database's cases."""
    if database == "SQL Server":
        with TdsService(folder) as standin:
            yield SqlServerStandin(standin)
    elif database == "Oracle":
        with OracleStandin(folder) as oracle:
            yield oracle
    else:
        yield Postgres(app)


class Postgres:
    """The embedded server of the local app."""

    def __init__(self, app: LocalApp) -> None:
        self._app = app

    def make(self, case: Case, rows: int) -> str:
        with self._app.services.postgres.connect(POSTGRESQL_DATABASE, autocommit=True) as connection:
            return make_table(connection, case, rows)

    def drop(self, table: str) -> None:
        with self._app.services.postgres.connect(POSTGRESQL_DATABASE, autocommit=True) as connection:
            connection.execute(f"DROP TABLE {table}")

    def order(self) -> dict[str, Any]:
        connection = self._app.postgres_connection(POSTGRESQL_DATABASE)
        url = "postgresql://{username}:{password}@{host}:{port}/{database}".format(**connection)
        return {"connection": connection, "source_type": "PostgreSQL", "schema": "public", "url": url}


class SqlServerStandin:
    """The stand-in of `tests/tds_standin`."""

    def __init__(self, standin: TdsService) -> None:
        self._standin = standin

    def make(self, case: Case, rows: int) -> str:
        self._standin.execute("CREATE TABLE numbers (n int NOT NULL)")
        self._standin.fill("numbers", rows)
        self._standin.execute(*statements(case.database, case.shape, case.shape, rows), "DROP TABLE numbers")
        return case.shape

    def drop(self, table: str) -> None:
        self._standin.execute(f"DROP TABLE {table}")

    def order(self) -> dict[str, Any]:
        secret = self._standin.secret()
        odbc = f"Driver={{{library_of_the_wheel()}}};Server={secret['host']},{secret['port']};Database={DATABASE};"
        odbc += f"UID={secret['username']};PWD={{{secret['password']}}};Encrypt=yes;TrustServerCertificate=yes;"
        url = f"mssql+pyodbc:///?odbc_connect={quote_plus(odbc)}"
        return {"connection": secret, "source_type": "MSSQL", "schema": self._standin.schema, "url": url}


class OracleStandin:
    """The stand-in of `tests/oracle_standin`, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        start = (
            "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.oracle_standin.__main__ import main; main()"
        )
        arguments = ["--port", "0", "--user", f"{_USER}/{_PASSWORD}", "--service", _SERVICE]
        self._process = GuardedProcess(
            [sys.executable, "-c", start, Path(__file__).parents[1], *arguments], folder / "oracle_standin.log"
        )
        self._port = int(self._process.wait_for(r"listening on .*:(\d+)")[1])

    def __enter__(self) -> OracleStandin:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def make(self, case: Case, rows: int) -> str:
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE numbers (n NUMBER(9))")
            cursor.executemany("INSERT INTO numbers VALUES (:1)", [(n,) for n in range(1, rows + 1)])
            for statement in statements(case.database, case.shape, case.shape, rows):
                cursor.execute(statement)
            connection.commit()
            cursor.execute("DROP TABLE numbers")
        return case.shape

    def drop(self, table: str) -> None:
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")

    def order(self) -> dict[str, Any]:
        where = {"host": _HOST, "port": self._port, "service_name": _SERVICE}
        query = {"service_name": _SERVICE}
        url = sa.URL.create("oracle+oracledb", _USER, _PASSWORD, _HOST, self._port, query=query)
        return {
            "connection": {**where, "username": _USER, "password": _PASSWORD},
            "source_type": "Oracle",
            "schema": _USER,
            "url": url.render_as_string(hide_password=False),
        }

    def _connect(self) -> oracledb.Connection:
        return oracledb.connect(host=_HOST, port=self._port, service_name=_SERVICE, user=_USER, password=_PASSWORD)
