"""Azurite, used by the real SDKs through managed identity, over verified HTTPS."""

from __future__ import annotations

import adlfs
import certifi
import deltalake
import pyarrow as pa
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.data.tables import TableServiceClient
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT
from tests.conftest import unique_name

pytestmark = pytest.mark.usefixtures("environment")


class FixedToken:
    """A credential that has one token for everything."""

    def __init__(self, token: str, expires_on: int) -> None:
        self._token = AccessToken(token, expires_on)

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return self._token


def test_managed_identity_writes_and_reads_blobs(services: LocalServices, container: ContainerClient) -> None:
    client = BlobServiceClient(services.azurite.blob_url, credential=ManagedIdentityCredential())
    client.get_blob_client(container.container_name, "a/b.txt").upload_blob(b"content")
    assert container.download_blob("a/b.txt").readall() == b"content"


def test_managed_identity_writes_and_reads_table_rows(services: LocalServices) -> None:
    client = TableServiceClient(services.azurite.table_url, credential=ManagedIdentityCredential())
    table = unique_name()
    client.create_table(table).create_entity({"PartitionKey": "run", "RowKey": "job", "rows": 3})
    entity = services.table_service().get_table_client(table).get_entity("run", "job")
    assert entity["rows"] == 3


def test_managed_identity_reaches_the_lake_through_adlfs(services: LocalServices, container: ContainerClient) -> None:
    file_system = adlfs.AzureBlobFileSystem(
        account_name=ACCOUNT,
        account_host=services.azurite.blob_url.removeprefix("https://"),
        credential=AsyncManagedIdentityCredential(),
    )
    path = f"{container.container_name}/folder/file.txt"
    file_system.pipe(path, b"content")
    assert file_system.ls(f"{container.container_name}/folder", detail=False) == [path]
    assert container.download_blob("folder/file.txt").readall() == b"content"


def test_delta_tables_work_with_a_token_and_a_verified_certificate(
    services: LocalServices, container: ContainerClient
) -> None:
    options = {
        "azure_storage_account_name": ACCOUNT,
        "azure_storage_token": services.identity.issue("https://storage.azure.com")[0],
        "azure_storage_endpoint": services.azurite.blob_url,
    }
    uri = f"az://{container.container_name}/table"
    deltalake.write_deltalake(uri, pa.table({"n": [1, 2]}), storage_options=options)
    assert deltalake.DeltaTable(uri, storage_options=options).to_pyarrow_table().num_rows == 2


def test_a_token_for_another_service_is_refused(services: LocalServices) -> None:
    token = FixedToken(*services.identity.issue("https://management.azure.com"))
    client = BlobServiceClient(services.azurite.blob_url, credential=token)
    with pytest.raises(ClientAuthenticationError):
        list(client.list_containers())


def test_a_client_without_our_authority_does_not_connect(services: LocalServices) -> None:
    client = BlobServiceClient(
        services.azurite.blob_url,
        credential=ManagedIdentityCredential(),
        connection_verify=certifi.where(),
        retry_total=0,
    )
    with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
        list(client.list_containers())


def test_blobs_rows_and_addresses_are_there_after_a_restart(
    services: LocalServices, container: ContainerClient
) -> None:
    table = services.table_service().create_table(unique_name())
    table.create_entity({"PartitionKey": "run", "RowKey": "job"})
    container.upload_blob("kept", b"content")
    url = services.azurite.blob_url
    services.azurite.stop()
    services.azurite.start()
    assert services.azurite.blob_url == url
    assert container.download_blob("kept").readall() == b"content"
    assert table.get_entity("run", "job")["RowKey"] == "job"
