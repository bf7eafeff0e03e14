"""Microsoft's driver `mssql-python`: ODBC inside the wheel, Arrow batches out of it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import ConfigurationError
from shared.sources.arrow import Batch
from shared.sources.batches import bounded_for
from shared.sources.columns import ReadColumn
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.diagnosis import Record, login_records

_RECORD = re.compile(r"\[([0-9A-Z]{5})\] \((-?\d+)\)")
_NO_ERRORS = ("00", "01", "02")  # classes of SQLSTATE: success, warning, no data


class MssqlPython:
    """The built-in driver."""

    dialect = "mssqlpython"

    def __init__(self, connection: SqlServerConnection) -> None:
        self._connection = connection
        self._module = _module("mssql_python", "the package mssql-python, and the system's libkrb5 and libltdl")
        self._module.pooling(enabled=False)  # a connection of the pool would keep the isolation level of its last use
        _keep_diagnostics()

    def connect(self) -> Any:
        string, attributes = self._connection.odbc_string(), self._connection.attributes()
        try:
            connection = self._module.connect(string, attrs_before=attributes, timeout=self._connection.connect_timeout)
        except self._module.Error as error:
            if "[SQL Server]" in str(error):  # the server answered, by a number that the error does not have
                error.diagnostics = login_records(string, attributes, self._connection.connect_timeout)
            raise
        connection.timeout = self._connection.statement_timeout
        return connection

    def read(self, raw: Any, statement: str, columns: Sequence[ReadColumn], rows: int) -> Iterator[Batch]:
        with closing(raw.cursor()) as cursor:
            cursor.execute(statement)
            shrink = any(column.is_long for column in columns)
            yield from bounded_for(columns, lambda count: self._fetch(cursor, count, shrink), rows, rows)
            cursor.execute("SELECT 1")  # fails where the connection was lost, however the last fetch ended

    def _fetch(self, cursor: Any, count: int, shrink: bool) -> pa.RecordBatch:
        """The next rows, in as much room as they need if it is to `shrink`.

        The driver reports a connection that was lost between rows as the end of them.
        """
        cursor.messages.clear()
        batch: pa.RecordBatch = cursor.arrow_batch(count)
        records = _records(cursor.messages)
        for state, _, text in records:
            if not state.startswith(_NO_ERRORS):
                broken = self._module.OperationalError("The rows ended early", text)
                broken.diagnostics = records
                raise broken
        return _compact(batch) if shrink else batch


def _compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A copy without the room that the driver's buffers have to grow: with long values that is tens of megabytes."""
    columns = [pa.concat_arrays([column, column.slice(0, 0)]) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _records(messages: Sequence[tuple[str, str]]) -> list[Record]:
    """The driver's records, whose first part is like `[42S02] (208)`."""
    found = ((_RECORD.match(code), text) for code, text in messages)
    return [(code[1], int(code[2]), text) for code, text in found if code]


def _native() -> Any:
    return importlib.import_module("mssql_python.ddbc_bindings")


@cache
def _keep_diagnostics() -> None:
    """Let errors of statements keep all records, with the numbers of the server's messages: the driver drops them.

    Its own check of a return code reads the first record's text, and the handle is used again before the error arrives
    here. A version of the driver that checks elsewhere leaves errors without numbers, which then go by their texts.
    """
    for name in ("mssql_python.helpers", "mssql_python.cursor"):  # the native code asks the first, Python the second
        module = importlib.import_module(name)
        if check := getattr(module, "check_error", None):
            module.check_error = _recording(check)  # type: ignore[attr-defined]


def _recording(check: Callable[..., None]) -> Callable[..., None]:
    def check_error(handle_type: int, handle: Any, code: int) -> None:
        try:
            check(handle_type, handle, code)
        except Exception as error:
            found = _records(_native().DDBCSQLGetAllDiagRecords(handle))
            error.diagnostics = found  # type: ignore[attr-defined]
            raise

    return check_error


def _module(name: str, needs: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise ConfigurationError(f"SQL Server cannot be read: install {needs} ({error}).") from None
