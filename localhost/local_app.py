"""The function app with its local services: what `start`, `run` and the demo share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from localhost.host.process import HostProcess
from localhost.services import LocalServices

APP_FOLDER = Path(__file__).parents[1]
CONFIG_CONTAINER = "config"
CONFIG_BLOB = "ingestion_config.xlsx"
NEVER = "0 0 0 29 2 *"
_TIMEOUT_SECONDS = 60


class RequestRefusedError(Exception):
    """The app answered a request with an error; the text is what it said."""


class LocalApp:
    """The app under the local host, and a client of its HTTP API.

    Args:
        services: The services that it uses; they must run already.
        folder: Where the host keeps its keys, event store and log.
        settings: App settings that differ from those of the local services.
        port: Of the host; 0 for any free one.
    """

    def __init__(
        self, services: LocalServices, folder: Path, settings: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.services = services
        self.settings = {
            **services.environment(),
            "INGESTION_SCHEDULE": NEVER,
            "CONFIG_CONTAINER": CONFIG_CONTAINER,
            "CONFIG_BLOB": CONFIG_BLOB,
            "AUDIT_TABLE": "IngestionAudit",
            **(settings or {}),
        }
        self.config = services.create_container(self.settings["CONFIG_CONTAINER"])
        self.host = HostProcess(APP_FOLDER, folder, self.settings, port)

    @contextmanager
    def running(self) -> Iterator[LocalApp]:
        """Run the host as long as the context lasts."""
        with self.host:
            yield self

    def put_source(self, source_name: str, fields: Mapping[str, Any]) -> None:
        """Store the connection of a source in the vault."""
        self.services.key_vault.set_secret(f"source-{source_name.replace('_', '-')}", json.dumps(dict(fields)))

    def postgres_connection(self, database: str) -> dict[str, Any]:
        """The connection fields of a database of the local PostgreSQL, as its secret holds them."""
        server = self.services.postgres
        return {
            "host": server.host,
            "port": server.port,
            "database": database,
            "username": server.user,
            "password": server.password,
        }

    def upload_workbook(self, content: bytes) -> None:
        """Put a workbook where the app looks for it."""
        self.config.upload_blob(self.settings["CONFIG_BLOB"], content, overwrite=True)

    def start_run(self, **body: Any) -> str:
        """Start a run over HTTP; returns its id.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        answer = self.request("POST", "/api/runs", body)
        content = answer.json()
        if answer.status_code != requests.codes.accepted:
            raise RequestRefusedError("\n".join([content["detail"], *(f"- {line}" for line in content["problems"])]))
        return str(content["run_id"])

    def get_run(self, run_id: str) -> dict[str, Any]:
        """What `GET /api/runs/{run_id}` says."""
        content: dict[str, Any] = self.request("GET", f"/api/runs/{run_id}").json()
        return content

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Any request to the app, with the function key."""
        headers = {"x-functions-key": self.host.function_key}
        return requests.request(method, f"{self.host.url}{path}", json=body, headers=headers, timeout=_TIMEOUT_SECONDS)

    def audit_rows(self, partition: str) -> list[dict[str, Any]]:
        """The rows of one partition of the audit table, read with the account key."""
        table = self.services.table_service().create_table_if_not_exists(self.settings["AUDIT_TABLE"])
        query = table.query_entities("PartitionKey eq @partition", parameters={"partition": partition})
        return [dict(row) for row in query]
