"""What every part of a session needs: its channel, its cursors, and the messages that end a call."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from . import wire
from .auth import Login
from .catalogue import Database
from .client import Client
from .protocol import ERROR, IN_TRANSACTION, STATUS, Cursor, Version
from .values import OracleError, Type
from .wire import Channel, Reader, Writer, data, sint, uint


@dataclass
class Served:
    """What a listener serves, and how."""

    database: Database
    version: Version
    services: set[str]
    bit_vectors: bool


class Answers:
    """A connection, and how its calls end."""

    def __init__(self, server: Served, connection: socket.socket, number: int) -> None:
        self._server = server
        self._database = server.database
        self._channel = Channel(connection)
        self._reader = Reader(self._channel)
        self._writer = Writer(self._channel)
        self._number = number
        self._fields = server.version.fields
        self._client: Client | None = None
        self._login: Login | None = None
        self._cursors: dict[int, Cursor] = {}
        self._lobs: dict[bytes, tuple[Type, bytes]] = {}

    def _fail(self, error: OracleError) -> None:
        """An error as real servers send it: a break first, and the text once the client has reset."""
        self._writer = Writer(self._channel)
        if self._client is None:  # while it logs on, a client expects no break
            self._error(error)
            return
        self._channel.marker(wire.BREAK)
        while True:
            kind, body = self._channel.receive()
            if kind == wire.MARKER and body[2] == wire.RESET:
                break
        self._channel.marker(wire.RESET)
        self._error(error)

    def _error(self, error: OracleError | None = None, cursor: int = 0, count: int = 0, number: int = 0) -> None:
        """The message that ends most calls; no error is one, too."""
        number = error.number if error else number
        text = str(error) if error else "ORA-01403: no data found" if number else ""
        state = IN_TRANSACTION if self._client and self._client.writes else 0
        short = number if number < 65536 else 0
        self._writer.add(
            bytes((ERROR,)), uint(state), uint(0), uint(min(count, 2**32 - 1)), uint(short), bytes(2), uint(cursor),
            sint(error.offset if error else 0), bytes(6),  # where in the statement, and flags
            bytes(5), bytes(4),  # rowid; error of the operating system, counters, padding
            bytes(5),  # rows that succeeded, logical rowid, three lists of errors of a batch
            uint(number), uint(count),
        )  # fmt: skip
        if self._fields >= 14:
            self._writer.add(uint(0), uint(0))
        if number:
            self._writer.add(data(text.encode()))
        self._writer.end()

    def _status(self) -> None:
        state = IN_TRANSACTION if self._client and self._client.writes else 0
        self._writer.add(bytes((STATUS,)), uint(state), uint(0))
        self._writer.end()

    @property
    def _session(self) -> Client:
        assert self._client is not None
        return self._client
