"""The stand-in as a service of the tests: one server in this process, its user, and what a test does to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import oracledb
import sqlalchemy as sa

from .catalogue import Database, Fault
from .server import Server

USER = "READER"
PASSWORD = "oracle-p4ss"
SERVICE = "standin"


class OracleService:
    """A server with one user, who owns the schema of that name; started and stopped as a context manager.

    Args:
        version: 19 or 23, whose protocols differ.
        denied: rights that the user lacks: flashback, package.
        password: the user's.
    """

    def __init__(self, version: str = "23", denied: Sequence[str] = (), password: str = PASSWORD) -> None:
        self.database = Database({USER: password}, denied)
        self._password = password
        self._server = Server(self.database, version=version, services=(SERVICE,))
        self.host, self.port = "127.0.0.1", self._server.port
        self.schema = USER

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.database.close()

    @property
    def secret(self) -> dict[str, Any]:
        """The connection as a secret holds it."""
        where = {"host": self.host, "port": self.port, "service_name": SERVICE}
        return {**where, "username": USER, "password": self._password}

    def connect(self) -> oracledb.Connection:
        """A connection by the driver, as anyone's."""
        return oracledb.connect(
            host=self.host, port=self.port, service_name=SERVICE, user=USER, password=self._password
        )

    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine over that driver."""
        return sa.create_engine("oracle+oracledb://", creator=self.connect, poolclass=sa.NullPool)

    def execute(self, *statements: str) -> None:
        """Run statements and commit."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def insert(self, table: str, rows: Iterable[Sequence[Any]], types: Sequence[Any] = ()) -> None:
        """Add rows by bind variables, of the driver's types if the values do not give them, and commit."""
        values = [tuple(row) for row in rows]
        marks = ", ".join(f":{n}" for n in range(1, len(values[0]) + 1))
        with self.connect() as connection, connection.cursor() as cursor:
            if types:
                cursor.setinputsizes(*types)
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
            connection.commit()

    def order(self, match: str, **fault: Any) -> None:
        """Order a fault: see `Fault`."""
        self.database.faults.append(Fault(match, **fault))
