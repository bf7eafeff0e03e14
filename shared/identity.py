"""One credential for everything, and the clients that sign in with it.

In Azure this is the app's managed identity (`AZURE_CLIENT_ID` names a user-assigned one); on a laptop it is the
user of `az login` or of the environment. A connection string wins where a storage connection has one.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TypeVar

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

from shared.settings import settings

_Service = TypeVar("_Service", BlobServiceClient, TableServiceClient)


@cache
def credential() -> TokenCredential:
    """The credential of this process; azure-identity keeps and renews its tokens."""
    client_id = settings().azure_client_id
    if "IDENTITY_ENDPOINT" in os.environ:  # App Service and Functions set it: no other sign-in need be tried
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential(managed_identity_client_id=client_id)


@cache
def blob_service(connection_name: str) -> BlobServiceClient:
    """The blob client of a storage connection (`ConfigStorage`, `LakeStorage`).

    Raises:
        ConfigurationError: the connection's settings are missing.
    """
    return _service(BlobServiceClient, connection_name)


@cache
def table_service(connection_name: str) -> TableServiceClient:
    """The table client of a storage connection (`AuditStorage`).

    Raises:
        ConfigurationError: the connection's settings are missing.
    """
    return _service(TableServiceClient, connection_name)


@cache
def secret_client(vault_url: str) -> SecretClient:
    """The Key Vault client of a vault."""
    return SecretClient(vault_url, credential=credential(), transport=_transport(vault_url))


def _service(client: type[_Service], connection_name: str) -> _Service:
    connection = settings().connection(connection_name)
    if connection.connection_string:
        text = connection.connection_string.get_secret_value()
        return client.from_connection_string(text, transport=_transport(client.from_connection_string(text).url))
    url = str(connection.endpoint)
    return client(url, credential=credential(), transport=_transport(url))


def _transport(url: str) -> RequestsTransport:
    """The way to a service through the proxies and with the certificates that the environment names, read once.

    requests reads the whole environment for every request.
    """
    with requests.Session() as session:
        environment = session.merge_environment_settings(url, {}, None, None, None)
    transport = RequestsTransport(use_env_settings=False, connection_verify=environment["verify"])
    transport.open()
    transport.session.proxies.update(environment["proxies"])
    return transport
