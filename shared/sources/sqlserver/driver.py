"""What a driver for SQL Server is here, and which one a connection takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from shared.sources.arrow import Batch
from shared.sources.columns import ReadColumn
from shared.sources.sqlserver.builtin import MssqlPython
from shared.sources.sqlserver.connection import MSSQL_PYTHON, SqlServerConnection
from shared.sources.sqlserver.odbc import Pyodbc

log = logging.getLogger(__name__)


class Driver(Protocol):
    """One way to connect and to read."""

    dialect: str
    """The name of SQLAlchemy's driver for it."""

    def connect(self) -> Any:
        """A new DB-API connection."""

    def read(self, raw: Any, statement: str, columns: Sequence[ReadColumn], rows: int) -> Iterator[Batch]:
        """The result of a statement in batches of so many rows at most, and of some megabytes.

        The transaction stays open: a snapshot must hold for the statements that follow.
        """


def driver_for(connection: SqlServerConnection) -> Driver:
    """The driver that a connection names, where pyodbc and unixODBC are there for it; else the built-in one.

    Raises:
        ConfigurationError: the built-in driver cannot be loaded; the text says what to install.
    """
    if connection.driver and connection.driver != MSSQL_PYTHON:
        try:
            return Pyodbc(connection)
        except ImportError as error:
            log.warning(
                "Driver '%s' needs pyodbc and unixODBC (%s); the driver that mssql-python brings is used instead.",
                connection.driver,
                error,
            )
    return MssqlPython(connection)
