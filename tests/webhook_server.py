"""A webhook on this machine that keeps what is posted to it, and answers as the test says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Webhook:
    """A webhook.

    Attributes:
        url: Its address.
        answers: Statuses of the next answers; afterwards 202. Seconds below 100 are a silence instead of an answer.
        messages: The bodies of all requests, also of those that were not taken.
    """

    url: str = ""
    answers: list[float] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def answer(self) -> float:
        return self.answers.pop(0) if self.answers else 202


@contextmanager
def webhook_server(path: str = "/") -> Iterator[Webhook]:
    """A webhook that listens on a port of its own."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            webhook.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = webhook.answer()
            if answer < 100:
                time.sleep(answer)
                return
            self.send_response(int(answer))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    webhook.url = f"http://127.0.0.1:{server.server_port}{path}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield webhook
    finally:
        server.shutdown()
        server.server_close()
