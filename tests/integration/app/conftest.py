"""This process in the app's place: its settings name the local services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from shared.audit import audit_table
from shared.identity import blob_service, credential, secret_client, table_service
from shared.secrets import secret_stores
from shared.settings import settings
from shared.workbook.activation import configuration_store
from tests.conftest import unique_name

# What the app keeps for the life of its process, which here is another one for each test.
KEPT: list[Callable[..., Any]] = [settings, credential, blob_service, table_service, secret_client]
KEPT += [secret_stores, audit_table, configuration_store]


@pytest.fixture
def app_settings(
    environment: dict[str, str], container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The app's settings, with a configuration container and an audit table of the test's own."""
    monkeypatch.setenv("CONFIG_CONTAINER", container.container_name)
    monkeypatch.setenv("AUDIT_TABLE", unique_name())
    _forget()
    yield
    _forget()


def _forget() -> None:
    for function in KEPT:
        function.cache_clear()  # type: ignore[attr-defined]
