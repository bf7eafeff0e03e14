"""The configuration store over a container of the test's own."""

from __future__ import annotations

import pytest
from azure.storage.blob import ContainerClient

from shared.activation.store import ConfigurationStore

WORKBOOK = "ingestion_config.xlsx"


@pytest.fixture
def store(container: ContainerClient) -> ConfigurationStore:
    return ConfigurationStore(container, WORKBOOK)
