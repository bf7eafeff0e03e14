"""json-server as a local service: every key of the data is an endpoint with pages, filters and links."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localhost.services.node import installed, node_command
from localhost.services.process import GuardedProcess, exclusive
from localhost.services.service import HOST, Service, ServiceError, claim_ports

_LISTEN_SECONDS = 60


class JsonServer(Service):
    """Serves lists of rows.

    Args:
        folder: keeps the data and the log.
        tables: rows by the name of their endpoint; each row has an `id`.
    """

    def __init__(self, folder: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().__init__(folder)
        self._tables = tables
        self._process: GuardedProcess | None = None

    @property
    def host(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://{self.host}"

    def start(self) -> None:
        data = self.folder / "data.json"
        data.write_text(json.dumps(self._tables), encoding="utf-8")
        script = installed("json-server", Path(__file__).parent) / "json-server" / "lib" / "cli" / "bin.js"
        with exclusive(self.folder) as lock:
            (self.port,) = claim_ports(self.folder, 1)
            command: list[str | Path] = [*node_command(), script, "--host", HOST, "--port", str(self.port), data]
            self._process = GuardedProcess(command, self.folder / "json-server.log", lock=lock)
        self._process.wait_for("Home")
        self._wait_until_it_listens()  # which it begins after it has said so

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _LISTEN_SECONDS
        while True:
            try:
                socket.create_connection((HOST, self.port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    message = f"json-server does not listen at {self.host} after {_LISTEN_SECONDS} s"
                    raise ServiceError(f"{message}: see {self.folder / 'json-server.log'}.") from None
            time.sleep(0.02)
