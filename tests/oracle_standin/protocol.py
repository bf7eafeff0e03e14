"""The numbers of TTC: kinds of messages, functions, options; and what a release of the server says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .catalogue import Fault
from .values import Type

# kinds of messages
PROTOCOL, DATA_TYPES, FUNCTION, ERROR, ROW_HEADER, ROW, PARAMETER, STATUS = 1, 2, 3, 4, 6, 7, 8, 9
LOB_DATA, DESCRIBE, PIGGYBACK, BIT_VECTOR, FAST_AUTH = 14, 16, 17, 21, 34
# functions
REEXECUTE, FETCH, LOGOFF, COMMIT, ROLLBACK, REEXECUTE_AND_FETCH, EXECUTE, LOB = 4, 5, 9, 14, 15, 78, 94, 96
CLOSE_CURSORS, AUTH_TWO, AUTH_ONE, END_TO_END, PING, SCHEMA, KEY_VALUE, SESSION_STATE = (
    105, 115, 118, 135, 147, 152, 154, 176,
)  # fmt: skip
# options of an execute
PARSE, BIND, DEFINE, RUN, FETCH_TOO, AND_COMMIT, DESCRIBE_ONLY = 0x01, 0x08, 0x10, 0x20, 0x40, 0x100, 0x20000
LOB_READ, LOB_LENGTH, LOB_WRITE, LOB_CHUNK, LOB_TRIM, LOB_CREATE, LOB_FREE, LOB_IS_OPEN = (
    0x2, 0x1, 0x40, 0x4000, 0x20, 0x110, 0x80111, 0x11000,
)  # fmt: skip
IN_TRANSACTION = 2
LOCATOR_SIZE = 40
BIT_VECTORS = 64  # columns of a row that may be left out


@dataclass(frozen=True)
class Version:
    """What a release of the server says of itself."""

    number: tuple[int, int, int, int, int]
    protocol: int
    fields: int  # which fields its messages have
    accept_flags: int


VERSIONS = {
    "19": Version((19, 24, 0, 0, 0), 318, 13, 0),
    "23": Version((23, 6, 0, 24, 10), 319, 24, 0x10000000 | 0x02000000),  # fast authentication, explicit ends
}


@dataclass
class Cursor:
    text: str
    columns: list[tuple[str, Type]] = field(default_factory=list)
    rows: Iterator[tuple[Any, ...]] = field(default_factory=lambda: iter(()))
    bind_types: list[Type] = field(default_factory=list)
    defines: list[str | None] = field(default_factory=list)
    last: tuple[Any, ...] | None = None
    count: int = 0
    faults: list[Fault] = field(default_factory=list)
