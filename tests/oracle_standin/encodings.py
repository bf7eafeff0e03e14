"""Values on the wire: bind variables as they come, columns as they were described or defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import values as v
from .lobs import Lobs, as_bytes
from .protocol import ROW, Cursor
from .values import OracleError, Type
from .wire import data, uint


class Encodings(Lobs):
    """How a session reads and writes values."""

    def _column_metadata(self) -> tuple[str | None, int]:
        """The type and size of a bind or a define."""
        reader = self._reader
        number = reader.byte()
        reader.raw(3)
        size = reader.uint()
        reader.uint(), reader.uint()
        if reader.uint():
            reader.data()
        reader.uint(), reader.uint()
        form = reader.byte()
        reader.uint()
        if self._fields >= 8:
            reader.uint()
        return v.BY_NUMBER.get((number, form)) or v.BY_NUMBER.get((number, 0)) or v.BY_NUMBER.get((number, 1)), size

    def _bind_rows(self, cursor: Cursor, times: int) -> list[list[tuple[Type, Any]]]:
        """The values of the bind variables; long ones come last in their row."""
        rows = []
        is_long = [kind.size > 32767 for kind in cursor.bind_types]
        kinds = [
            Type(
                "VARCHAR2" if kind.name.startswith("LONG") and kind.name != "LONG RAW" else kind.name,
                size=kind.size,
                scale=9 if kind.family in ("timestamp", "zoned", "local") else None,
            )
            for kind in cursor.bind_types
        ]
        decoders = [self._bind_decoder(kind, original) for kind, original in zip(kinds, cursor.bind_types, strict=True)]
        order = sorted(range(len(kinds)), key=lambda n: is_long[n])
        for _ in range(times):
            if self._reader.byte() != ROW:
                raise OracleError(3120, "two-task conversion routine: integer overflow")
            row: list[Any] = [None] * len(kinds)
            for n in order:
                row[n] = (kinds[n], decoders[n]())
            rows.append(row)
        return rows

    def _bind_decoder(self, kind: Type, original: Type) -> Callable[[], Any]:
        reader = self._reader
        if kind.family == "char":
            national = (
                original.charset_form == 2 if original.name in ("NVARCHAR2", "NCHAR") else original.name == "LONG NCHAR"
            )
            coding = "utf-16-be" if national else "utf-8"
            return lambda: None if (raw := reader.data()) is None else raw.decode(coding)
        if kind.family in ("clob", "blob"):
            return self._bound_lob
        if kind.family == "boolean":
            return self._bound_boolean
        if kind.family in ("timestamp", "local"):
            return lambda: None if (raw := reader.data()) is None else raw + bytes(11 - len(raw))
        return reader.data

    def _bound_boolean(self) -> int | None:
        length = self._reader.byte()
        if length == 253:
            self._reader.byte()
            return None
        return None if not length else self._reader.raw(length)[-1] & 1

    def _bound_lob(self) -> Any:
        locator = self._reader.sized()
        if not locator:
            return None
        kind, value = self._lobs[locator]
        return value if kind.name == "BLOB" else value.decode()

    def _encoder(self, kind: Type, defined: str | None) -> Callable[[Any], bytes]:
        """How a value as SQLite keeps it becomes what was described, or what the client defined instead."""
        family, wanted = kind.family, defined or kind.name
        if defined and Type(defined).family != family:
            session, target = self._session, Type(defined).family
            if (family == "clob" and target == "char") or (family == "blob" and target == "raw"):
                pass
            else:
                inner = self._encoder(Type(defined), None)
                digits = (
                    kind.scale if kind.scale is not None and family in ("timestamp", "zoned", "local", "days") else 9
                )
                return lambda x: inner(as_bytes(session.convert(x, family, target, digits, kind.precision or 0)))
        if family == "null":
            return lambda _: b"\x00"
        if family in ("char", "clob") and wanted in ("CLOB", "NCLOB", "JSON", "XMLTYPE", "VECTOR"):
            return lambda x: self._locator(kind, x)
        if family == "blob" and wanted == "BLOB":
            return lambda x: self._locator(kind, x)
        if family in ("char", "clob"):
            national = wanted in ("NVARCHAR2", "NCHAR", "LONG NCHAR")
            is_long = wanted.startswith("LONG")

            def text(x: Any) -> bytes:
                raw = data(x if x is None or not national else x.decode().encode("utf-16-be"))
                return raw + (b"\x81\x01" + uint(1405) if x is None else b"\x00\x00") if is_long else raw

            return text
        if wanted == "LONG RAW":
            return lambda x: data(x) + (b"\x81\x01" + uint(1405) if x is None else b"\x00\x00")
        if family == "boolean":
            return lambda x: b"\x00" if x is None else b"\x02\x01\x01" if x else b"\x01\x00"
        if family == "timestamp":
            return lambda x: b"\x00" if x is None else b"\x07" + x[:7] if x[7:] == bytes(4) else b"\x0b" + x
        if family == "local":
            zone = self._session.zone
            if zone:
                return lambda x: data(x and v.encode_moment(v.decode_moment(x).moved(zone)))
        if family == "rowid":
            return lambda x: (
                b"\x00" if x is None else b"\x0d" + uint(77) + uint(4) + b"\x00" + uint(x // 64 + 128) + uint(x % 64)
            )
        return data
