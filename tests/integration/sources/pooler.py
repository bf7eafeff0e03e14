"""A door before PostgreSQL that lets in what PgBouncer lets in: no startup parameter but those that it tracks."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_TRACKED = {
    *("user", "database", "replication", "application_name"),
    *("client_encoding", "datestyle", "timezone", "standard_conforming_strings"),
}
_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


@contextmanager
def pooler(host: str, port: int) -> Iterator[tuple[str, int]]:
    """The address of a door before the server at another one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, (host, port)), daemon=True).start()
        yield listener.getsockname()[:2]


def _serve(listener: socket.socket, server: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_admit, args=(client, server), daemon=True).start()


def _admit(client: socket.socket, server: tuple[str, int]) -> None:
    with client, suppress(OSError, EOFError):
        while True:
            (length,) = struct.unpack("!i", _exactly(client, 4))
            body = _exactly(client, length - 4)
            (code,) = struct.unpack("!i", body[:4])
            if code not in (_SSL_REQUEST, _GSS_REQUEST):
                break
            client.sendall(b"N")
        words = body[4:].split(b"\0")
        for name in words[0:-1:2]:
            if name and name.decode().lower() not in _TRACKED:
                return _refuse(client, f"unsupported startup parameter: {name.decode()}")
        with socket.create_connection(server) as upstream:
            upstream.sendall(struct.pack("!i", length) + body)
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)
            back.join()
    return None


def _refuse(client: socket.socket, text: str) -> None:
    fields = b"SFATAL\0C08P01\0M" + text.encode() + b"\0\0"
    client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
