"""Why a login failed, by the numbers of the server's messages.

mssql-python reports one text of a failed login, in the server's language, and no number: 18456 for a wrong password and
for a database that does not exist, whose own message it drops. So a refused login is made once more through the ODBC
driver itself, whose records have the numbers. It counts as one more failed login where an account locks itself.

The constants are those of sql.h, sqlext.h and msodbcsql.h.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from shared.sources.sqlserver.library import library_of_the_wheel

log = logging.getLogger(__name__)

Record = tuple[str, int, str]
"""SQLSTATE, number and text of a message."""

_ENVIRONMENT, _CONNECTION = 1, 2
_ODBC_VERSION, _ODBC_3 = 200, 3
_LOGIN_TIMEOUT = 103
_IS_POINTER = -4
_SUCCEEDED = (0, 1)
_CHARACTERS = 4000


def login_records(connection_string: str, attributes: Mapping[int, bytes], timeout: int) -> list[Record]:
    """The records of a login that is refused; empty where it succeeds, or where the library cannot be used.

    Args:
        connection_string: As ODBC takes it, without a driver.
        attributes: What is set before the connection is opened, by number.
        timeout: Seconds to wait for the server.
    """
    odbc = _library()
    if odbc is None:
        return []
    environment, connection = ctypes.c_void_p(), ctypes.c_void_p()
    odbc.SQLAllocHandle(ctypes.c_short(_ENVIRONMENT), None, ctypes.byref(environment))
    try:
        odbc.SQLSetEnvAttr(environment, ctypes.c_int(_ODBC_VERSION), ctypes.c_void_p(_ODBC_3), ctypes.c_int(0))
        odbc.SQLAllocHandle(ctypes.c_short(_CONNECTION), environment, ctypes.byref(connection))
        odbc.SQLSetConnectAttrW(connection, ctypes.c_int(_LOGIN_TIMEOUT), ctypes.c_void_p(timeout), ctypes.c_int(0))
        for number, value in attributes.items():
            odbc.SQLSetConnectAttrW(connection, ctypes.c_int(number), value, ctypes.c_int(_IS_POINTER))
        return _connect(odbc, connection, connection_string)
    finally:
        if connection:
            odbc.SQLFreeHandle(ctypes.c_short(_CONNECTION), connection)
        odbc.SQLFreeHandle(ctypes.c_short(_ENVIRONMENT), environment)


def _connect(odbc: Any, connection: ctypes.c_void_p, connection_string: str) -> list[Record]:
    encoded = connection_string.encode("utf-16-le")
    code = odbc.SQLDriverConnectW(
        connection,
        None,
        encoded + b"\0\0",
        ctypes.c_short(len(encoded) // 2),
        None,
        ctypes.c_short(0),
        None,
        ctypes.c_ushort(0),
    )
    if ctypes.c_short(code).value in _SUCCEEDED:
        odbc.SQLDisconnect(connection)
        return []
    records: list[Record] = []
    while record := _record(odbc, connection, len(records) + 1):
        records.append(record)
    return records


def _record(odbc: Any, connection: ctypes.c_void_p, place: int) -> Record | None:
    state, text = ctypes.create_string_buffer(12), ctypes.create_string_buffer(2 * _CHARACTERS)
    number, length = ctypes.c_int(), ctypes.c_short()
    code = odbc.SQLGetDiagRecW(
        ctypes.c_short(_CONNECTION),
        connection,
        ctypes.c_short(place),
        state,
        ctypes.byref(number),
        text,
        ctypes.c_short(_CHARACTERS),
        ctypes.byref(length),
    )
    if ctypes.c_short(code).value not in _SUCCEEDED:
        return None
    size = 2 * min(length.value, _CHARACTERS - 1)
    return state.raw[:10].decode("utf-16-le"), number.value, text.raw[:size].decode("utf-16-le", "replace")


@cache
def _library() -> Any:
    path = library_of_the_wheel()
    try:
        return ctypes.CDLL(path) if path else None
    except OSError as error:
        log.info("Failed logins have no numbers: %s", error)
        return None
