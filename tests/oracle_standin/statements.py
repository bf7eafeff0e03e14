"""Statements: executed, described, defined and fetched in batches, with the faults that were ordered."""

from __future__ import annotations

import time
from typing import Any

from .encodings import Encodings
from .protocol import AND_COMMIT, BIT_VECTOR, BIT_VECTORS, DEFINE, DESCRIBE, FETCH_TOO, PARSE, ROW_HEADER, RUN, Cursor
from .values import OracleError, Type
from .wire import GoneError, data, sized, uint


class Statements(Encodings):
    """The calls on cursors."""

    def _execute(self) -> None:
        reader = self._reader
        options, number = reader.uint(), reader.uint()
        has_text = reader.byte()
        reader.uint(), reader.byte(), reader.uint(), reader.raw(2), reader.uint()
        wanted = reader.uint()
        reader.uint(), reader.byte()
        bind_count = reader.uint()
        reader.raw(5), reader.byte()
        define_count = reader.uint()
        reader.uint(), reader.raw(3), reader.uint(), reader.byte(), reader.uint(), reader.uint()
        reader.byte(), reader.uint(), reader.byte()
        if self._fields >= 8:
            reader.byte(), reader.uint(), reader.byte(), reader.uint(), reader.byte()
            if self._fields >= 9:
                reader.byte(), reader.uint()
        text = (reader.data() or b"").decode() if has_text else ""
        numbers = [reader.uint() for _ in range(13)]
        times = max(numbers[1], 1) if not numbers[7] else 1
        cursor = self._cursors.get(number)
        if cursor is None:
            number = max(self._cursors, default=0) + 1
            cursor = self._cursors[number] = Cursor(text)
        elif text:
            cursor.text = text
        if options & DEFINE:
            cursor.defines = [self._column_metadata()[0] for _ in range(define_count)]
            self._run_fetch(number, cursor, wanted if options & FETCH_TOO else 0)
            return
        binds: list[list[tuple[Type, Any]]] = []
        if bind_count:
            found = [self._column_metadata() for _ in range(bind_count)]
            cursor.bind_types = [Type(name or "VARCHAR2", size=size) for name, size in found]
            binds = self._bind_rows(cursor, times)
        self._run(number, cursor, options, wanted, binds, describe=bool(options & PARSE))

    def _reexecute(self) -> None:
        reader = self._reader
        number, times, options, more = (reader.uint() for _ in range(4))
        cursor = self._cursors.get(number)
        if cursor is None:
            raise OracleError(1001, "invalid cursor")
        is_query = bool(cursor.columns)
        binds = self._bind_rows(cursor, 1 if is_query else times) if cursor.bind_types else []
        self._run(
            number,
            cursor,
            RUN | (FETCH_TOO if options & RUN else 0) | (AND_COMMIT if more & 1 else 0),
            times,
            binds,
            describe=False,
        )

    def _run(
        self,
        number: int,
        cursor: Cursor,
        options: int,
        wanted: int,
        binds: list[list[tuple[Type, Any]]],
        *,
        describe: bool,
    ) -> None:
        cursor.faults = [] if cursor.text.startswith("ALTER SYSTEM") else self._database.faults_at(cursor.text)
        self._misbehave(cursor, 0)
        if not cursor.text:
            raise OracleError(900, "invalid SQL statement")
        result = self._session.execute(cursor.text, binds)
        if options & AND_COMMIT:
            self._session.commit()
        cursor.columns, cursor.rows, cursor.last, cursor.count = result.columns, iter(result.rows), None, 0
        if not result.columns:
            self._error(cursor=number, count=result.count)
            return
        if describe:
            cursor.defines = []
            self._describe(cursor)
        ready = options & FETCH_TOO and (not any(kind.is_lob for _, kind in cursor.columns) or cursor.defines)
        self._run_fetch(number, cursor, wanted if ready else 0)

    def _misbehave(self, cursor: Cursor, rows: int) -> None:
        for fault in list(cursor.faults):
            if rows < fault.after_rows:
                continue
            cursor.faults.remove(fault)
            end = time.monotonic() + fault.sleep
            while (left := end - time.monotonic()) > 0:
                self._channel.check_interrupt(min(left, 0.2))
            if fault.cut:
                raise GoneError
            if fault.error:
                raise fault.message

    def _fetch(self) -> None:
        number, wanted = self._reader.uint(), self._reader.uint()
        cursor = self._cursors.get(number)
        if cursor is None:
            raise OracleError(1001, "invalid cursor")
        self._run_fetch(number, cursor, wanted)

    def _run_fetch(self, number: int, cursor: Cursor, wanted: int) -> None:
        """Up to so many rows; at the end of all rows the answer is error 1403."""
        if not wanted:
            self._error(cursor=number, count=cursor.count)
            return
        encoders = [
            self._encoder(kind, cursor.defines[n] if n < len(cursor.defines) else None)
            for n, (_, kind) in enumerate(cursor.columns)
        ]
        writer, last = self._writer, cursor.last
        writer.add(bytes((ROW_HEADER, 0)), uint(0), uint(wanted), uint(0), uint(0), uint(0), uint(0))
        compares = (
            self._server.bit_vectors
            and len(encoders) <= BIT_VECTORS
            and not any(kind.is_lob for _, kind in cursor.columns)
        )
        marks = [1 << n for n in range(len(encoders))]
        width = (len(encoders) + 7) // 8
        done = 0
        for row in cursor.rows:
            if compares and last is not None:
                sent = 0
                parts = [b""]
                for mark, encode, value, before in zip(marks, encoders, row, last, strict=True):
                    if value != before:
                        sent |= mark
                        parts.append(encode(value))
                if len(parts) <= len(encoders):
                    parts[0] = bytes((BIT_VECTOR,)) + uint(len(parts) - 1) + sent.to_bytes(width, "little") + b"\x07"
                else:
                    parts[0] = b"\x07"
            else:
                parts = [b"\x07", *(encode(value) for encode, value in zip(encoders, row, strict=True))]
            last = row
            writer.add(b"".join(parts))
            done += 1
            if not done & 1023:
                writer.flush_full()
                self._channel.check_interrupt()
            if cursor.faults:
                writer.flush_full()
                self._misbehave(cursor, cursor.count + done)
            if done == wanted:
                break
        cursor.last = last
        cursor.count += done
        self._error(cursor=number, count=cursor.count, number=0 if done == wanted else 1403)

    def _describe(self, cursor: Cursor) -> None:
        writer = self._writer
        writer.add(bytes((DESCRIBE,)), data(b"\x00" * 16), uint(0), uint(len(cursor.columns)), b"\x00")
        for n, (name, kind) in enumerate(cursor.columns, 1):
            precision, scale, size, chars = _described(kind)
            raw = name.encode()
            writer.add(
                bytes((kind.number, 0, precision & 255, scale & 255)), uint(size), uint(0), uint(0), uint(0), uint(0),
                uint({1: 873, 2: 2000}.get(kind.charset_form, 0)), bytes((kind.charset_form,)), uint(chars),
            )  # fmt: skip
            if self._fields >= 8:
                writer.add(uint(0))
            writer.add(bytes((1, len(raw) & 255)), sized(raw), uint(0), uint(0), uint(n), uint(0))
            if self._fields >= 17:
                writer.add(uint(0), uint(0))
            if self._fields >= 20:
                writer.add(uint(0))
            if self._fields >= 24:
                writer.add(uint(0), bytes(2))
        writer.add(uint(0), uint(0), uint(0), uint(0), uint(0), uint(0))


def _described(kind: Type) -> tuple[int, int, int, int]:
    """Precision, scale, size in bytes and in characters, as a server describes a column of that type."""
    family = kind.family
    if kind.name == "FLOAT":
        return kind.precision or 126, -127, 22, 0
    if family == "number":
        if kind.precision is None and kind.scale is None:
            return 0, -127, 22, 0
        return kind.precision or 38, kind.scale or 0, 22, 0
    if family in ("timestamp", "zoned", "local"):
        return 0, kind.scale or 0, {"timestamp": 11, "zoned": 13, "local": 11}[family], 0
    if family in ("days", "months"):
        return kind.precision or 2, kind.scale or 0, 11 if family == "days" else 5, 0
    if family in ("char", "null") and kind.name != "LONG":
        return 0, 0, kind.size or 4000, kind.chars or kind.size or 4000
    sizes = {
        "date": 7,
        "rowid": 18,
        "boolean": 4,
        "raw": kind.size or 2000,
        "binary": 8 if kind.name == "BINARY_DOUBLE" else 4,
    }
    return 0, 0, 0 if kind.name in ("LONG", "LONG RAW") else sizes.get(family, 4000), 0
