"""pyodbc, over an ODBC driver that unixODBC knows or that a package brings."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import ConfigurationError
from shared.sources.arrow import Batch
from shared.sources.batches import bounded_for
from shared.sources.columns import ReadColumn
from shared.sources.connection import APPLICATION_NAME
from shared.sources.sqlserver.connection import PYODBC, SqlServerConnection
from shared.sources.sqlserver.library import library_of_the_wheel

log = logging.getLogger(__name__)

_USUAL = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server")
_STEP = 1024  # rows of a fetch; each becomes Python objects, which take several times their bytes


class Pyodbc:
    """An ODBC driver of the machine. It gives Python objects, which is slower than Arrow where columns are short."""

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
        with closing(raw.cursor()) as cursor:  # its own `with` commits, which would end the snapshot
            cursor.execute(statement)
            yield from bounded_for(columns, lambda count: rows_to_batch(cursor.fetchmany(count), columns), rows, _STEP)


def rows_to_batch(rows: Sequence[Sequence[Any]], columns: Sequence[ReadColumn]) -> pa.RecordBatch:
    """Rows of Python objects as an Arrow batch; a time of a zone comes in UTC without saying so."""
    values: Any = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [pa.array(found, type=_wire_type(column.wire_type)) for found, column in zip(values, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def odbc_driver(named: str, registered: Sequence[str]) -> str:
    """The driver for unixODBC: as it is registered, a path, or else the library that `mssql-python-odbc` carries.

    Raises:
        ConfigurationError: none of them is there; the text says what to install.
    """
    wanted = _USUAL if named == PYODBC else (named,)
    for name in wanted:
        if name in registered or Path(name).is_file():
            return name
    if library := library_of_the_wheel():
        log.info("Driver '%s' is not registered with unixODBC; %s is used.", named, Path(library).name)
        return library
    raise ConfigurationError(
        f"SQL Server's driver '{wanted[0]}' is not registered with unixODBC ({', '.join(registered) or 'none is'}): "
        "install Microsoft's msodbcsql18 or the package mssql-python-odbc, or leave driver out of the secret."
    )


def _wire_type(arrow_type: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(arrow_type) else arrow_type
