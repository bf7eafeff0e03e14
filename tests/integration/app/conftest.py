"""This process in the app's place: its settings name the local services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.settings import settings
from tests.app_process import app_process
from tests.conftest import unique_name
from tests.integration.app.delta_loads import DeltaLoads
from tests.integration.app.notified import WEBHOOK_SECRET
from tests.webhook_server import Webhook, webhook_server


@pytest.fixture
def app_settings(services: LocalServices, container: ContainerClient) -> Iterator[None]:
    """The app's settings, with a configuration container and an audit table of the test's own."""
    with app_process(services, CONFIG_CONTAINER=container.container_name, AUDIT_TABLE=unique_name()):
        yield


@pytest.fixture(scope="module")
def lake(services: LocalServices) -> ContainerClient:
    """A container of the lake."""
    return services.create_container(f"{unique_name()}-lake")


@pytest.fixture
def loads(
    services: LocalServices, database: str, lake: ContainerClient, tmp_path: Path, app_settings: None
) -> DeltaLoads:
    """A job with a Delta table of its own, and a table of ten orders at its source."""

    def execute(*statements: str) -> None:
        with services.postgres.connect(database) as connection:
            for statement in statements:
                connection.execute(statement)

    loads = DeltaLoads(services, database, lake, tmp_path, execute)
    execute(
        f"create table {loads.table} (id bigint primary key, name text, version bigint not null)",
        f"insert into {loads.table} select n, 'order ' || n, n from generate_series(1, 10) n",
    )
    return loads


@pytest.fixture
def webhook(app_settings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """A webhook that takes messages, set in the app's settings."""
    with webhook_server(f"/{WEBHOOK_SECRET}") as started:
        monkeypatch.setenv("NOTIFY_WEBHOOK_URL", started.url)
        monkeypatch.setenv("WEBSITE_HOSTNAME", "lake.example.com")
        monkeypatch.setenv("INGESTION_SCHEDULE", "0 0 2 * * *")
        monkeypatch.setattr("shared.notifications.webhook._SECONDS", 60)
        settings.cache_clear()
        yield started
