"""json-server as a local service: every key of the data is an endpoint with pages, filters and links."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localhost.services.node import installed, node_command
from localhost.services.process import GuardedProcess, exclusive
from localhost.services.service import HOST, Service, claim_ports


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

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None
