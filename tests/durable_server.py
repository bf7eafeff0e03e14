"""What the Durable extension answers its client inside the app, with instances that a test has put there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions.models.utils.http_utils import _close_session

from localhost.host.durable.client_api import RPC_PATH, durable_client_binding

_ACTIVE = ("Pending", "Running", "Suspended")


@dataclass
class Durable:
    """The instances by id, and the client that asks for them.

    Attributes:
        events: The events that were raised, as instance and name.
    """

    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    client: DurableOrchestrationClient = field(init=False)

    def put(self, instance_id: str, status: str, input_: Any = None, output: Any = None) -> None:
        """Put a run or a lane there."""
        name = "source_lane" if ":lane-" in instance_id else "ingestion_run"
        moment = "2026-01-01T00:00:00.0000000Z"
        times = {"createdTime": moment, "lastUpdatedTime": moment}
        shown = {"input": input_, "output": output, "customStatus": None}
        self.instances[instance_id] = {"name": name, "instanceId": instance_id, "runtimeStatus": status} | shown | times

    def started(self) -> list[str]:
        """The ids of the runs that were started by the client."""
        return [one["instanceId"] for one in self.instances.values() if one["runtimeStatus"] == "Pending"]


@asynccontextmanager
async def durable_server() -> AsyncIterator[Durable]:
    """The extension on a port of its own."""
    durable = Durable()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            instance_id = unquote(url.path.removeprefix(f"{RPC_PATH}/instances/"))
            if not instance_id:
                wanted = parse_qs(url.query).get("runtimeStatus", [""])[0].split(",")
                self._answer(200, [one for one in durable.instances.values() if one["runtimeStatus"] in wanted])
            elif found := durable.instances.get(instance_id):
                self._answer(202 if found["runtimeStatus"] in _ACTIVE else 200, found)
            else:
                self._answer(404, None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            *_, kind, first, second = urlsplit(self.path).path.split("/")
            if kind == "orchestrators":
                durable.put(unquote(second), "Pending", json.loads(json.loads(body)))
                self._answer(202, {"id": unquote(second)})
            else:
                durable.events.append((unquote(urlsplit(self.path).path.split("/")[-3]), second))
                self._answer(202, None)
            assert first

        def _answer(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    durable.client = DurableOrchestrationClient(durable_client_binding("Hub", url, url, "key"))
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield durable
    finally:
        await _close_session()  # the SDK keeps one for the process, and each test has an event loop of its own
        server.shutdown()
        server.server_close()
