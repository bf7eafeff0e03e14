"""The two ways to talk to SQL Server, behind one Protocol: `mssql-python`, and pyodbc."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import platform
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
from pydantic import Field

from shared.errors.hierarchy import ConfigurationError
from shared.sources.arrow import Batch
from shared.sources.columns import ReadColumn
from shared.sources.connection import APPLICATION_NAME, ServerConnection

log = logging.getLogger(__name__)


_TOKEN_SCOPE = "https://database.windows.net/.default"  # noqa: S105  no token but whom it is for


_ACCESS_TOKEN = 1256  # SQL_COPT_SS_ACCESS_TOKEN


_DEFAULT_PORT = 1433


class SqlServerConnection(ServerConnection):
    """The fields of a connection to SQL Server."""

    driver: str | None = Field(None, description="An ODBC driver of the machine; blank takes the one that is built in.")
    encrypt: Literal["yes", "no", "strict"] = "yes"
    trust_server_certificate: bool = False
    trusted_connection: bool = Field(False, description="Sign in as the account that runs the app.")
    application_intent: Literal["ReadWrite", "ReadOnly"] = "ReadWrite"

    def odbc_string(self, **more: str) -> str:
        """The connection as ODBC writes it, every value in braces so that it may hold any character."""
        by_name = "\\" in self.host  # a named instance: the server's browser service knows its port
        values = {
            "Server": self.host if by_name else f"{self.host},{self.port or _DEFAULT_PORT}",
            "Database": self.database,
            "Encrypt": self.encrypt,
            "TrustServerCertificate": "yes" if self.trust_server_certificate else "no",
            "ApplicationIntent": self.application_intent,
            "KeepAlive": "30",
            "KeepAliveInterval": "10",
            **more,
        }
        if self.trusted_connection:
            values["Trusted_Connection"] = "yes"
        elif self.auth == "password":
            values |= {"UID": self.username or "", "PWD": self.secret_password() or ""}
        return ";".join(f"{name}={{{value.replace('}', '}}')}}}" for name, value in values.items())

    def attributes(self) -> dict[int, bytes]:
        """What is set on the connection before it is opened: the access token of a managed identity."""
        token = self.access_token(_TOKEN_SCOPE)
        if token is None:
            return {}
        encoded = token.encode("utf-16-le")
        return {_ACCESS_TOKEN: struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)}


class Driver(Protocol):
    """One way to connect and to read."""

    dialect: str
    """The name of SQLAlchemy's driver for it."""

    def connect(self) -> Any:
        """A new DB-API connection."""

    def read(self, raw: Any, statement: str, columns: Sequence[ReadColumn], rows: int) -> Iterator[Batch]:
        """The result of a statement in batches of so many rows."""


class MssqlPython:
    """Microsoft's driver: ODBC inside the wheel, Arrow batches out of it."""

    dialect = "mssqlpython"

    def __init__(self, connection: SqlServerConnection) -> None:
        self._connection = connection
        self._module = _module("mssql_python", "the package mssql-python, and the system's libkrb5 and libltdl")

    def connect(self) -> Any:
        connection = self._module.connect(
            self._connection.odbc_string(),
            attrs_before=self._connection.attributes(),
            timeout=self._connection.connect_timeout,
        )
        connection.timeout = self._connection.statement_timeout
        return connection

    def read(self, raw: Any, statement: str, columns: Sequence[ReadColumn], rows: int) -> Iterator[Batch]:  # noqa: ARG002  the batches say their types
        with raw.cursor() as cursor:
            cursor.execute(statement)
            yield from cursor.arrow_reader(batch_size=rows)


class Pyodbc:
    """An ODBC driver that is installed on the machine. It gives Python objects, so it is several times slower."""

    dialect = "pyodbc"

    def __init__(self, connection: SqlServerConnection) -> None:
        self._connection = connection
        self._module = importlib.import_module("pyodbc")

    def connect(self) -> Any:
        driver = odbc_driver(str(self._connection.driver), self._module.drivers())
        connection = self._module.connect(
            self._connection.odbc_string(Driver=driver, APP=APPLICATION_NAME),
            attrs_before=self._connection.attributes(),
            timeout=self._connection.connect_timeout,
        )
        connection.timeout = self._connection.statement_timeout
        return connection

    def read(self, raw: Any, statement: str, columns: Sequence[ReadColumn], rows: int) -> Iterator[Batch]:
        with raw.cursor() as cursor:
            cursor.execute(statement)
            while fetched := cursor.fetchmany(rows):
                yield rows_to_batch(fetched, columns)


def rows_to_batch(rows: Sequence[Sequence[Any]], columns: Sequence[ReadColumn]) -> pa.RecordBatch:
    """Rows of Python objects as an Arrow batch; a time of a zone comes in UTC without saying so."""
    values = zip(*rows, strict=True)
    arrays = [pa.array(found, type=_wire_type(column.wire_type)) for found, column in zip(values, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def odbc_driver(named: str, registered: Sequence[str]) -> str:
    """The driver for unixODBC: as it is registered, a path, or else the library that `mssql-python-odbc` carries.

    Raises:
        ConfigurationError: there is none of them; the text says what to install.
    """
    if named in registered or Path(named).is_file():
        return named
    system = "debian_ubuntu" if Path("/etc/debian_version").exists() else "rhel"
    wheel = importlib.util.find_spec("mssql_python_odbc")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        built = f"libs/linux/{system}/{platform.machine().replace('aarch64', 'arm64')}/lib/libmsodbcsql*"
        for library in sorted(Path(folder).glob(built)):
            log.warning("Driver '%s' is not registered with unixODBC; %s is used.", named, library.name)
            return str(library)
    raise ConfigurationError(
        f"SQL Server's driver '{named}' is not registered with unixODBC ({', '.join(registered) or 'none is'}): "
        "install Microsoft's msodbcsql18 or the package mssql-python-odbc, or leave driver out of the secret."
    )


def driver_for(connection: SqlServerConnection) -> Driver:
    """The driver that a connection names, where pyodbc and unixODBC are there for it; else the built-in one.

    Raises:
        ConfigurationError: the built-in driver cannot be loaded; the text says what to install.
    """
    if connection.driver:
        try:
            return Pyodbc(connection)
        except ImportError as error:
            log.warning(
                "Driver '%s' needs pyodbc and unixODBC (%s); the driver that mssql-python brings is used instead.",
                connection.driver,
                error,
            )
    return MssqlPython(connection)


def _wire_type(arrow_type: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(arrow_type) else arrow_type


def _module(name: str, needs: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise ConfigurationError(f"SQL Server cannot be read: install {needs} ({error}).") from None
