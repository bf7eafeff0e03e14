"""A real HTTP server that speaks every dialect of REST paging, asks for every kind of proof, and breaks on demand."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import trustme

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What came: parameters as text, the body as JSON if it is JSON, when it came."""

    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    at: float = field(default_factory=time.monotonic)

    def number(self, name: str, otherwise: int) -> int:
        """A parameter, or a field of the body, as a number."""
        value = self.params.get(name, (self.body or {}).get(name, otherwise))
        return int(value)


@dataclass
class Reply:
    """What goes back. A `body` that is no bytes becomes JSON; `cut` ends the answer early; `reset` answers nothing."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    reset: bool = False
    delay: float = 0.0


Handler = Callable[[Request], Reply]


class ApiServer:
    """Serves `endpoints`, handlers by path, on a port of 127.0.0.1 while its context is open.

    Args:
        certificate: serve over TLS with it.
        clients: whose certificates clients have to show.

    Attributes:
        endpoints: tests add theirs.
        requests: everything that came.
    """

    def __init__(self, certificate: trustme.LeafCert | None = None, clients: trustme.CA | None = None) -> None:
        self._scheme = "https" if certificate else "http"
        self.endpoints: dict[str, Handler] = {}
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class(self))
        self._server.daemon_threads = True
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(tls)
            if clients:
                tls.verify_mode = ssl.CERT_REQUIRED
                clients.configure_trust(tls)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    def __enter__(self) -> ApiServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.requests if request.path == path]


def _handler_class(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class _Handler(BaseHTTPRequestHandler):
        close_connection: bool

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = "json" in self.headers.get("Content-Type", "")
            body: Any = json.loads(raw) if is_json else dict(parse_qsl(raw.decode()))
            headers = {name.title(): str(self.headers[name]) for name in self.headers}
            request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            server.requests.append(request)
            handler = server.endpoints.get(parts.path, _no_such_path)
            self._send(handler(request))

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.delay)
            if reply.reset:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return
            is_bytes = isinstance(reply.body, bytes)
            body = reply.body if is_bytes else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            if reply.cut:
                self.close_connection = True

        def finish(self) -> None:
            if self.connection.fileno() != -1:  # a reset one is closed already
                super().finish()

        def log_message(self, *_: Any) -> None:
            """Nothing on the console."""

    return _Handler


def _no_such_path(_: Request) -> Reply:
    return Reply({"detail": "no such path"}, 404)


def at_once(rows: Sequence[Row]) -> Handler:
    """All rows in one list."""
    return lambda _: Reply(list(rows))


def by_offset(rows: Sequence[Row], limit: str = "limit", offset: str = "offset", cap: int = 1000) -> Handler:
    """`{"items": …, "total": …}`; the server gives no more than `cap` rows at once."""

    def handle(request: Request) -> Reply:
        start = request.number(offset, 0)
        return Reply(
            {
                "items": rows[start : start + min(request.number(limit, cap), cap)],
                "total": len(rows),
            }
        )

    return handle


def by_page(
    rows: Sequence[Row],
    size: int = 10,
    param: str = "page",
    limit: str = "limit",
    base: int = 1,
) -> Handler:
    """`{"results": …, "count": …}`, and 404 behind the last page."""

    def handle(request: Request) -> Reply:
        asked = request.number(limit, size)
        start = (request.number(param, base) - base) * asked
        page = rows[start : start + asked]
        return Reply({"results": page, "count": len(rows)}, 200 if page or start == 0 else 404)

    return handle


def by_cursor(rows: Sequence[Row], size: int = 10, param: str = "cursor") -> Handler:
    """`{"data": …, "meta": {"next_cursor": …}}`, null at the end."""

    def handle(request: Request) -> Reply:
        start = request.number(param, 0)
        following = start + size if start + size < len(rows) else None
        return Reply(
            {
                "data": rows[start : start + size],
                "meta": {"next_cursor": following and str(following)},
            }
        )

    return handle


def by_link_header(rows: Sequence[Row], size: int = 10, host: str = "") -> Handler:
    """A list, with the next page in the header Link."""

    def handle(request: Request) -> Reply:
        page = request.number("page", 1)
        more = {"Link": f'<{host}{request.path}?page={page + 1}>; rel="next"'} if page * size < len(rows) else {}
        return Reply(rows[(page - 1) * size : page * size], headers=more)

    return handle


def by_next_url(rows: Sequence[Row], size: int = 10, host: str = "") -> Handler:
    """`{"value": …, "next": "address or null"}`."""

    def handle(request: Request) -> Reply:
        start = request.number("skip", 0)
        params = urlencode(request.params | {"skip": start + size})
        more = f"{host}{request.path}?{params}" if start + size < len(rows) else None
        return Reply({"value": rows[start : start + size], "next": more})

    return handle


def first(replies: Sequence[Reply], then: Handler) -> Handler:
    """Some replies, one after the other, before it works."""
    waiting = list(replies)
    lock = threading.Lock()

    def handle(request: Request) -> Reply:
        with lock:
            reply = waiting.pop(0) if waiting else None
        return reply or then(request)

    return handle


def requiring(then: Handler, **headers: str) -> Handler:
    """401 unless the request carries headers of these values; `_` in names means `-`."""

    def handle(request: Request) -> Reply:
        wanted = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return then(request) if wanted.items() <= dict(request.headers).items() else Reply({"error": "who?"}, 401)

    return handle


def basic(username: str, password: str) -> str:
    """The header Authorization of basic authentication."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
