"""A container in Azurite for each test, and the configuration store over it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from localhost.services.stack import LocalServices
from shared.workbook.activation import ConfigurationStore

WORKBOOK = "ingestion_config.xlsx"


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobServiceClient]:
    folder: Path = tmp_path_factory.mktemp("storage")
    with LocalServices(folder, postgres=False) as services:
        yield services.blob_service()


@pytest.fixture
def container(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.create_container(f"config-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(container: ContainerClient) -> ConfigurationStore:
    return ConfigurationStore(container, WORKBOOK)
