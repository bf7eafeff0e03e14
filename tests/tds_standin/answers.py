"""What a server answers: columns, rows, counts and errors as tokens."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import kinds as k
from . import tokens
from .convert import cast
from .encoding import encoder
from .events import Changed, Done, Info, Problem, Rows
from .kinds import Kind
from .schema import CancelledError
from .tokens import Output, SqlError
from .wire import Answer

if TYPE_CHECKING:
    from .requests import Requests


class Writer:
    """Writes the events of a run as tokens; of each DONE it knows only later whether it was the last."""

    def __init__(self, answer: Answer, requests: Requests) -> None:
        self.answer, self.requests, self.session = answer, requests, requests.session
        self.in_procedure = False
        self.status = 0
        self.outputs: list[tuple[int, str, Kind, Any]] = []
        self.fatal = False
        self._failed = False
        self._pending: tuple[int, int, int] | None = None

    def all(self, events: Iterable[Any]) -> None:
        try:
            for event in events:
                self.event(event)
                if self.fatal:
                    return
        finally:
            close = getattr(events, "close", None)
            if close:
                close()

    def event(self, event: Any) -> None:
        match event:
            case Rows():
                self._settle()
                self._rows(event)
            case Done():
                self._settle()
                counted = event.count is not None and not self.session.on("NOCOUNT")
                self._pending = (tokens.COUNT if counted else 0, event.command, event.count or 0)
                if self.in_procedure:
                    self._settle()
            case Problem():
                self._settle()
                self.answer.write(tokens.error(event.error))
                self.fatal = event.error.level >= 20
                self._failed = True
                self._pending = (tokens.ERROR, 0, 0)
                if self.in_procedure:
                    self._settle()
            case Info():
                self._settle()
                self.answer.write(tokens.info(event.number, event.text, event.level))
                self.answer.push()
            case Changed():
                self._settle()
                self.answer.write(event.data)

    def _settle(self) -> None:
        """Write the last DONE, after which more comes."""
        if self._pending:
            status, command, count = self._pending
            kind = tokens.DONE_IN_PROCEDURE if self.in_procedure else tokens.DONE
            self.answer.write(tokens.done(kind, status | tokens.MORE | self._in_transaction(), command, count))
            self._pending = None

    def _in_transaction(self) -> int:
        return tokens.IN_TRANSACTION if self.session.transaction else 0

    def finish(self) -> None:
        status, command, count = self._pending or (0, 0, 0)
        self._pending = None
        self.answer.write(tokens.done(tokens.DONE, status | self._in_transaction(), command, count))

    def finish_procedure(self, *, more: bool) -> None:
        self._settle()
        self.answer.write(tokens.return_status(self.status))
        for place, name, kind, value in self.outputs:
            self.answer.write(tokens.return_value(place, name, kind, value))
        status = (tokens.MORE if more else 0) | (tokens.ERROR if self._failed else 0) | self._in_transaction()
        self.answer.write(tokens.done(tokens.DONE_PROCEDURE, status))
        self.outputs, self._failed = [], False
        self.in_procedure = False

    def columns(self, columns: list[Output]) -> None:
        self._settle()
        self.answer.write(tokens.column_metadata(columns))

    def _rows(self, rows: Rows) -> None:
        self.columns(rows.columns)
        encoders = [encoder(column.kind, column.nullable)[1] for column in rows.columns]
        requests, careful = self.requests, bool(self.requests.faults)
        for portion in rows.portions:
            if careful:
                self._rows_with_faults(rows, portion, encoders)
            else:
                self.answer.write(encoded(portion, encoders, rows.columns))
                rows.sent += len(portion)
            if requests.interrupted():
                raise CancelledError
            self.session.check()

    def _rows_with_faults(self, rows: Rows, portion: Iterable[Any], encoders: list[Any]) -> None:
        for row in portion:
            for fault in self.requests.faults:
                if fault.row_delay:
                    self.answer.push()
                    time.sleep(fault.row_delay)
            if self.requests.interrupted():
                raise CancelledError
            self.answer.write(encoded([row], encoders, rows.columns))
            rows.sent += 1
            self.requests.strike(self, rows.sent)


def encoded(portion: Iterable[Any], encoders: list[Any], columns: list[Output]) -> bytes:
    """Rows as ROW tokens, or as NBCROW where some value is NULL."""
    parts: list[bytes] = []
    try:
        for row in portion:
            if None in row:
                parts.append(_sparse(row, encoders))
            else:
                parts.append(b"\xd1")
                parts += [encode(value) for encode, value in zip(encoders, row, strict=True)]
    except (struct.error, OverflowError, TypeError, AttributeError) as error:
        for encode, value, column in zip(encoders, row, columns, strict=True):
            try:
                if value is not None:
                    encode(value)
            except (struct.error, OverflowError):
                raise SqlError(
                    8115, f"Arithmetic overflow error converting expression to data type {column.kind.name}.", state=2
                ) from None
            except (TypeError, AttributeError):
                raise SqlError(
                    50_000, f"The stand-in took {value!r} for {column.kind.shown} in column '{column.name}'."
                ) from error
        raise
    return b"".join(parts)


def _sparse(row: Any, encoders: list[Any]) -> bytes:
    bits = sum(1 << place for place, value in enumerate(row) if value is None)
    values = [encode(value) for encode, value in zip(encoders, row, strict=True) if value is not None]
    return b"\xd2" + bits.to_bytes((len(encoders) + 7) // 8, "little") + b"".join(values)


def shown(kind: Kind, value: Any) -> Any:
    """A value for the log."""
    if value is None or kind.family in ("int", "char", "float", "bin"):
        return value
    try:
        return cast(value, kind, Kind("nvarchar", k.MAX), 126 if kind.family in ("moment", "zoned") else 0)
    except SqlError:
        return value
