"""Why a server refuses a connection, by its SQLSTATE.

libpq reports the text alone of a connection that could not be opened, in the server's language. A server that is full,
starting or stopping says so before it asks who is there, so that the question needs no password.
"""

from __future__ import annotations

import socket
import ssl
import struct

_PROTOCOL = 3 << 16
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_ERROR, _STATE = b"E", b"C"
_LONGEST = 1 << 16


def refused_state(host: str, port: int, user: str, database: str, seconds: float) -> str | None:
    """The SQLSTATE with which a server refuses everyone now; None if it asks for proof, or cannot be asked.

    Args:
        host: A name or address; a folder of Unix sockets is not asked.
        port: The server's.
        user: The user in the startup message.
        database: Which one it names.
        seconds: The limit of each step.
    """
    try:
        with socket.create_connection((host, port), seconds) as plain, _encrypted(plain, host) as connection:
            fields = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
            connection.sendall(struct.pack("!ii", 8 + len(fields), _PROTOCOL) + fields)
            return _state_in(connection)
    except (OSError, ValueError, struct.error):
        return None


def _encrypted(plain: socket.socket, host: str) -> socket.socket:
    """The connection under TLS if the server has it, whatever its certificate: nothing secret is sent."""
    plain.sendall(_SSL_REQUEST)
    if plain.recv(1) != b"S":
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _state_in(connection: socket.socket) -> str | None:
    with connection.makefile("rb") as answer:
        kind, length = answer.read(1), struct.unpack("!i", answer.read(4))[0]
        if kind != _ERROR or length > _LONGEST:
            return None
        fields = answer.read(length - 4).split(b"\0")
    return next((field[1:].decode() for field in fields if field[:1] == _STATE), None)
