"""An HTTP server on this machine that takes what is posted to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def post_server(receive: Callable[[str, bytes], int | None]) -> Iterator[str]:
    """A server on a port of its own; gives its address.

    Args:
        receive: Takes path and body of a request and returns the status of the answer, None to hang up without one.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = receive(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
