"""The function app with its local services: what `start`, `run`, the demo and the tests share."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Any

from azure.storage.blob import BlobClient

from localhost.app_client import AppClient, LocalStorage, write_addresses
from localhost.host.process import HostProcess
from localhost.interruption import uninterrupted
from localhost.services import LocalServices

APP_FOLDER = Path(__file__).parents[1]
CONFIG_CONTAINER = "config"
CONFIG_BLOB = "ingestion_config.xlsx"
MASK_KEY = "mask-key"
AUDIT_TABLE = "IngestionAudit"
NEVER = "0 0 0 29 2 *"
TIMERS = ("INGESTION", "HOUSEKEEPING", "MAINTENANCE", "WATCH")

_GRACE_SECONDS = 3


class LocalApp(AppClient):
    """The app under the local host.

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
            **dict.fromkeys(("ConfigStorage", "LakeStorage", "AuditStorage"), ""),  # none of local.settings.json's
            **dict.fromkeys((f"{timer}_SCHEDULE" for timer in TIMERS), NEVER),
            "CONFIG_CONTAINER": CONFIG_CONTAINER,
            "CONFIG_BLOB": CONFIG_BLOB,
            "AUDIT_TABLE": AUDIT_TABLE,
            "PYTHON_THREADPOOL_THREAD_COUNT": "16",  # as deployed: host.json's activities, orchestrators and some more
            **(settings or {}),
        }
        self.config = services.create_container(self.settings["CONFIG_CONTAINER"])
        self.host = HostProcess(APP_FOLDER, folder, self.settings, port)

    @property
    def url(self) -> str:
        return self.host.url

    @property
    def function_key(self) -> str:
        return self.host.function_key

    @property
    def workbook(self) -> BlobClient:
        return self.config.get_blob_client(self.settings["CONFIG_BLOB"])

    @property
    def storage_place(self) -> LocalStorage:
        """Where the app keeps its lake and its audit table."""
        return local_storage(self.services, self.settings["AUDIT_TABLE"], self.settings["CONFIG_CONTAINER"])

    def put_source(self, source_name: str, fields: Mapping[str, Any]) -> None:
        """Store the connection of a source in the vault."""
        self.services.key_vault.set_secret(f"source-{source_name.replace('_', '-')}", json.dumps(dict(fields)))

    def put_mask_key(self) -> None:
        """Store a key for hashed columns in the vault, if it has none."""
        if not self.services.key_vault.has_secret(MASK_KEY):
            self.services.key_vault.set_secret(MASK_KEY, token_urlsafe(32))

    def postgres_connection(self, database: str) -> dict[str, Any]:
        """The connection fields of a database of the local PostgreSQL, as its secret holds them."""
        return self.services.postgres.secret(database)

    def audit_rows(self, partition: str) -> list[dict[str, Any]]:
        """The rows of one partition of the audit table, read with the account key."""
        table = self.services.table_service().create_table_if_not_exists(self.settings["AUDIT_TABLE"])
        query = table.query_entities("PartitionKey eq @partition", parameters={"partition": partition})
        return [dict(row) for row in query]


def local_storage(
    services: LocalServices, audit_table: str = AUDIT_TABLE, config_container: str = CONFIG_CONTAINER
) -> LocalStorage:
    """Where an app on this machine keeps its lake and its audit table."""
    azurite = services.azurite
    bundle = str(services.certificates.ca_bundle)
    return LocalStorage(azurite.blob_url, azurite.table_url, audit_table, config_container, bundle)


def host_folder(folder: Path) -> Path:
    """Where the host of a local app keeps its state, below the folder of the app."""
    return folder / "host"


@contextmanager
def local_app(folder: Path, settings: Mapping[str, str] | None = None, port: int = 0) -> Iterator[LocalApp]:
    """Run the services and the app as long as the context lasts; its data stays in the folder.

    Args:
        folder: Keeps everything: services, keys, event store, logs.
        settings: App settings that differ from those of the local services.
        port: Of the host; 0 for any free one.

    Raises:
        ServiceError: a service cannot be started, or another process uses the folder.
        HostStartError: the host cannot be started.
    """
    with ExitStack() as stack:
        try:
            with uninterrupted():
                services = stack.enter_context(LocalServices(folder))
                # What loads that are killed leave behind goes with it; the system's own keeps socket paths short.
                temporary = stack.enter_context(TemporaryDirectory(prefix="localhost-", ignore_cleanup_errors=True))
                app = LocalApp(services, host_folder(folder), {"TMPDIR": temporary, **(settings or {})}, port)
                stack.enter_context(app.host)
                stack.callback(_end_host, app.host)
                addresses = write_addresses(host_folder(folder), app, app.storage_place)
                stack.callback(addresses.unlink, missing_ok=True)
            yield app
        finally:
            with uninterrupted():
                stack.close()


def _end_host(host: HostProcess) -> None:
    """Stop the host and the loads that it did not wait for: they continue at the next start."""
    host.stop(_GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):  # nothing is left in its group; macOS has the other error
        os.killpg(host.pid, signal.SIGKILL)
