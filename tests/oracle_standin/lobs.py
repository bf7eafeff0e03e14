"""Large objects: locators that a session keeps, and the calls on them."""

from __future__ import annotations

import struct
from typing import Any

from .answers import Answers
from .protocol import (
    LOB_CHUNK,
    LOB_CREATE,
    LOB_DATA,
    LOB_IS_OPEN,
    LOB_LENGTH,
    LOB_READ,
    LOB_TRIM,
    LOB_WRITE,
    LOCATOR_SIZE,
    PARAMETER,
)
from .values import OracleError, Type
from .wire import data, uint


class Lobs(Answers):
    """The calls that read, write and free large objects."""

    def _locator(self, kind: Type, value: Any) -> bytes:
        if value is None:
            return b"\x00"
        locator = self._keep_lob(kind, value)
        size = len(value) if kind.name == "BLOB" else len(value.decode())
        return uint(LOCATOR_SIZE) + uint(size) + uint(8132) + data(locator)

    def _keep_lob(self, kind: Type, value: bytes) -> bytes:
        flags = bytes((0x01 if kind.name == "BLOB" else 0x02, 0x08, 0, 0))
        locator = struct.pack(">HH", 38, 4) + flags + (len(self._lobs) + 1).to_bytes(32, "big")
        self._lobs[locator] = (kind, value)
        return locator

    def _lob(self) -> None:
        reader = self._reader
        has_source, length = reader.byte(), reader.uint()
        reader.byte(), reader.uint(), reader.uint(), reader.uint(), reader.raw(3)
        operation = reader.uint()
        reader.raw(2)
        offset, kind_number = reader.uint(), reader.uint()
        has_amount = reader.byte()
        reader.raw(6)
        locator = reader.raw(length) if has_source else b""
        if operation == LOB_CREATE:
            reader.uint()
            name = {113: "BLOB"}.get(kind_number, "NCLOB" if offset == 2 else "CLOB")
            self._writer.add(bytes((PARAMETER,)), self._keep_lob(Type(name), b""), uint(0), b"\x00")
            self._error()
            return
        written = b""
        if operation == LOB_WRITE:
            reader.byte()
            written = reader.data() or b""
        amount = reader.uint() if has_amount else 0
        if locator not in self._lobs:
            raise OracleError(22275, "invalid LOB locator specified")
        kind, value = self._lobs[locator]
        plain: Any = value if kind.name == "BLOB" else value.decode()
        if operation == LOB_READ:
            part = plain[offset - 1 : offset - 1 + amount]
            amount = len(part)
            if part:
                raw = part if kind.name == "BLOB" else part.encode("utf-16-be" if kind.name == "NCLOB" else "utf-8")
                self._writer.add(bytes((LOB_DATA,)), data(raw))
        elif operation == LOB_LENGTH:
            amount = len(plain)
        elif operation == LOB_CHUNK:
            amount = 8132
        elif operation == LOB_WRITE:
            new = written if kind.name == "BLOB" else written.decode("utf-16-be" if kind.name == "NCLOB" else "utf-8")
            plain = plain[: offset - 1] + new + plain[offset - 1 + len(new) :]
            self._lobs[locator] = (kind, as_bytes(plain))
        elif operation == LOB_TRIM:
            self._lobs[locator] = (kind, as_bytes(plain[:amount]))
        self._writer.add(bytes((PARAMETER,)), locator)
        if has_amount:
            self._writer.add(uint(amount))
        if operation == LOB_IS_OPEN:
            self._writer.add(b"\x00")
        self._error()

    def _free_lobs(self) -> None:
        reader = self._reader
        reader.byte()
        total = reader.uint()
        reader.byte(), reader.uint(), reader.uint(), reader.uint(), reader.raw(3), reader.uint(), reader.byte()
        reader.uint(), reader.uint(), reader.uint(), reader.byte()
        reader.byte(), reader.uint(), reader.byte(), reader.uint(), reader.byte(), reader.uint()
        freed = reader.raw(total)
        for at in range(0, total, LOCATOR_SIZE):
            self._lobs.pop(freed[at : at + LOCATOR_SIZE], None)


def as_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value
