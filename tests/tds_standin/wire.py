"""The socket: TDS packets, TLS inside of PRELOGIN packets, and readers and writers of the protocol's primitives."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct

SQL_BATCH, RPC, TABULAR, ATTENTION, BULK, FEDAUTH_TOKEN, TRANSACTION, LOGIN7, SSPI, PRELOGIN = (
    1, 3, 4, 6, 7, 8, 14, 16, 17, 18,
)  # fmt: skip
END_OF_MESSAGE, IGNORE, RESET, RESET_KEEPING_TRANSACTION = 1, 2, 8, 16
_HEADER = struct.Struct(">BBHHBB")
_LARGEST_MESSAGE = 256 << 20


class ClosedError(Exception):
    """The connection is over, by the client's will or by ours."""


class Transport:
    """Bytes to and from one client, in clear or in TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    @property
    def cipher(self) -> str | None:
        """What TLS is in use, for the log."""
        return f"{self._tls.version()} {(self._tls.cipher() or ['?'])[0]}" if self._tls else None

    def peek(self) -> int:
        """The first byte that the client sends, left where it is."""
        first = self.sock.recv(1, socket.MSG_PEEK)
        if not first:
            raise ClosedError
        return first[0]

    def receive(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._more()
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _more(self) -> bytes:
        while self._tls:
            try:
                if found := self._tls.read(65536):
                    return found
                raise ClosedError
            except ssl.SSLWantReadError:
                self._incoming.write(self._raw())
            except ssl.SSLError:
                raise ClosedError from None
        return self._raw()

    def _raw(self) -> bytes:
        try:
            found = self.sock.recv(65536)
        except OSError:
            raise ClosedError from None
        if not found:
            raise ClosedError
        return found

    def send(self, data: bytes | bytearray) -> None:
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        try:
            self.sock.sendall(data)
        except OSError:
            raise ClosedError from None

    def readable(self, seconds: float = 0) -> bool:
        """Whether the client has sent something, waiting so long for it."""
        if self._buffer or (self._tls and self._tls.pending()):
            return True
        try:
            return bool(select.select([self.sock], [], [], seconds)[0])
        except (OSError, ValueError):
            raise ClosedError from None

    def start_tls(self, context: ssl.SSLContext, *, wrapped: bool) -> None:
        """Shake hands, inside of PRELOGIN packets (TDS 7) or bare (TDS 8)."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                raise ClosedError from None
            if self._outgoing.pending:
                answer = self._outgoing.read()
                self.send(packets(PRELOGIN, answer, 4096, 0) if wrapped else answer)
            if not done:
                self._incoming.write(read_packet(self)[2] if wrapped else self._raw())
        self._tls = tls

    def stop_tls(self) -> None:
        """Go on in clear: only the login was to be encrypted."""
        self._tls = None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def read_packet(transport: Transport) -> tuple[int, int, bytes]:
    """A packet's type, status and content."""
    kind, status, length, _, _, _ = _HEADER.unpack(transport.receive(8))
    if length < 8:
        raise ClosedError
    return kind, status, transport.receive(length - 8)


def read_message(transport: Transport) -> tuple[int, int, bytes]:
    """A message's type, the status bits of its packets together, and its content."""
    content, bits = bytearray(), 0
    while True:
        kind, status, part = read_packet(transport)
        content += part
        bits |= status
        if len(content) > _LARGEST_MESSAGE:
            raise ClosedError
        if status & END_OF_MESSAGE:
            return kind, bits, bytes(content)


def packets(kind: int, data: bytes | bytearray, size: int, spid: int, number: int = 1, *, last: bool = True) -> bytes:
    """A message, or a part of one that fills its packets, as packets of that size."""
    room, made = size - 8, []
    starts = range(0, len(data) or 1, room)
    for start in starts:
        part = data[start : start + room]
        status = END_OF_MESSAGE if last and start == starts[-1] else 0
        made += [_HEADER.pack(kind, status, len(part) + 8, spid, number & 255, 0), part]
        number += 1
    return b"".join(made)


class Answer:
    """One response, sent as it grows so that its size does not matter."""

    def __init__(self, transport: Transport, packet_size: int, spid: int) -> None:
        self._transport, self._size, self._spid = transport, packet_size, spid
        self._data = bytearray()
        self._number = 1
        self._limit = 16 * (packet_size - 8)

    def write(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > self._limit:
            self.flush()

    def flush(self) -> None:
        """Send all packets that are full; the last one stays, as it must say that it is the last."""
        whole = (len(self._data) - 1) // (self._size - 8)
        if whole > 0:
            end = whole * (self._size - 8)
            self._send(self._data[:end], last=False)
            del self._data[:end]

    def push(self) -> None:
        """Send all there is in a packet that need not be full, so that a client sees it now."""
        if self._data:
            self._send(self._data, last=False)
            self._data.clear()

    def end(self) -> None:
        self.flush()
        self._send(self._data, last=True)
        self._data.clear()
        self._number = 1

    def _send(self, data: bytearray, *, last: bool) -> None:
        self._transport.send(packets(TABULAR, data, self._size, self._spid, self._number, last=last))
        self._number += -(-len(data) // (self._size - 8))


class Reader:
    """The primitives of a message, in order."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if size < 0 or self.left < size:
            raise ClosedError
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, prefix: int) -> str:
        """UTF-16 behind the number of its units, which has so many bytes."""
        return self.take(2 * self.number(prefix)).decode("utf-16-le", "replace")

    def all_headers(self) -> None:
        """Pass over the headers that begin a request: transaction descriptor, notification, trace activity."""
        self.take(self.number(4) - 4)


def text8(text: str) -> bytes:
    """B_VARCHAR."""
    encoded = text.encode("utf-16-le")[:510]
    return bytes([len(encoded) // 2]) + encoded


def text16(text: str) -> bytes:
    """US_VARCHAR."""
    encoded = text.encode("utf-16-le")[: 2 * 65535]
    return struct.pack("<H", len(encoded) // 2) + encoded
