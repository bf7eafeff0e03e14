"""The same account twice: in memory, and Azurite through the real SDKs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import adlfs
import azure.storage.blob
import pytest

from localhost.services import LocalServices
from localhost.services.azurite.server import ACCOUNT, ACCOUNT_KEY
from tests.conftest import unique_name
from tests.simulation.kernel import START
from tests.simulation.storage import blob_clients
from tests.simulation.storage.blob_store import BlobStore
from tests.simulation.storage.lake_files import LakeFiles
from tests.simulation.storage.table_clients import TableClient
from tests.simulation.storage.table_store import TableStore


@dataclass(frozen=True)
class Account:
    """One of the two.

    Attributes:
        blobs: The blob client.
        lease: Makes a lease client of a blob client and an id.
        container: The name of an empty container.
        table: An empty table.
        files: The lake's storage.
    """

    blobs: Any
    lease: Callable[..., Any]
    container: str
    table: Any
    files: Any

    def blob(self, name: str) -> Any:
        return self.blobs.get_blob_client(self.container, name)

    @property
    def contents(self) -> Any:
        return self.blobs.get_container_client(self.container)


@pytest.fixture(params=["simulated", "azurite"])
def account(request: pytest.FixtureRequest) -> Account:
    name = unique_name()
    if request.param == "simulated":
        return _simulated(name)
    services: LocalServices = request.getfixturevalue("services")
    services.create_container(name)
    table = services.table_service().create_table_if_not_exists(name)
    request.getfixturevalue("environment")  # adlfs finds the certificates there
    endpoint = services.azurite.blob_url
    connection = f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint}"
    files = adlfs.AzureBlobFileSystem(connection_string=connection, skip_instance_cache=True)
    return Account(services.blob_service(), azure.storage.blob.BlobLeaseClient, name, table, files)


def _simulated(name: str) -> Account:
    def send(_what: str, act: Callable[[], Any]) -> Any:
        return act()

    def clock() -> float:
        return START.timestamp()

    blobs = blob_clients.BlobServiceClient(BlobStore(clock), send)
    blobs.get_container_client(name).create_container()
    return Account(blobs, blob_clients.BlobLeaseClient, name, TableClient(TableStore(clock), send), LakeFiles(blobs))
