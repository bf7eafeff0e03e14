"""All local services together, and the settings by which the app finds them."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY, Azurite
from localhost.services.certificates import Certificates
from localhost.services.identity import IdentityEndpoint
from localhost.services.key_vault import KeyVault
from localhost.services.postgres import Postgres
from localhost.services.process import exclusive
from localhost.services.service import Service


class LocalServices(Service):
    """Storage, identity, vault and, if wanted, a database; each keeps its data in a folder below `folder`.

    The clients it hands out use the account key: they are the administrator's view, which needs no token.

    Args:
        folder: where everything is kept; entering the context again brings back the same data at the same addresses.
        postgres: whether a PostgreSQL server is part of it.
    """

    def __init__(self, folder: Path, *, postgres: bool = True) -> None:
        super().__init__(folder)
        self.certificates = Certificates.in_folder(self.folder / "certificates")
        self.azurite = Azurite(self.folder / "azurite", self.certificates)
        self.identity = IdentityEndpoint(self.folder / "identity")
        self.key_vault = KeyVault(self.folder / "key-vault", self.certificates, self.identity)
        self._postgres = Postgres(self.folder / "postgres") if postgres else None
        self._lock = contextlib.ExitStack()

    @property
    def postgres(self) -> Postgres:
        """The database server. Raises LookupError if none was asked for."""
        if self._postgres is None:
            raise LookupError("These services were made with postgres=False.")
        return self._postgres

    def start(self) -> None:
        """Start all at once. Raises the first ServiceError, after every start has ended one way or the other."""
        self._lock.enter_context(exclusive(self.folder))
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(service.start) for service in self._services()]
        for start in starts:
            start.result()

    def stop(self) -> None:
        with ThreadPoolExecutor() as pool:
            stops = [pool.submit(service.stop) for service in self._services()]
        self._lock.close()
        for stop in stops:
            stop.result()

    def environment(self) -> dict[str, str]:
        """Return the app settings and the certificate variables for a process that uses these services."""
        bundle = str(self.certificates.ca_bundle)
        return {
            "ConfigStorage__blobServiceUri": self.azurite.blob_url,
            "ConfigStorage__queueServiceUri": self.azurite.queue_url,
            "LakeStorage__blobServiceUri": self.azurite.blob_url,
            "AuditStorage__tableServiceUri": self.azurite.table_url,
            "KEY_VAULT_URL": self.key_vault.url,
            "IDENTITY_ENDPOINT": self.identity.url,
            "IDENTITY_HEADER": self.identity.header,
            "REQUESTS_CA_BUNDLE": bundle,  # requests: the Azure SDKs
            "SSL_CERT_FILE": bundle,  # OpenSSL and rustls: aiohttp below adlfs, deltalake
        }

    def blob_service(self) -> BlobServiceClient:
        return BlobServiceClient(
            self.azurite.blob_url,
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=str(self.certificates.ca_bundle),
        )

    def table_service(self) -> TableServiceClient:
        return TableServiceClient(
            self.azurite.table_url,
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=str(self.certificates.ca_bundle),
        )

    def create_container(self, name: str) -> ContainerClient:
        """Return a client for the container, which is made when missing."""
        container = self.blob_service().get_container_client(name)
        with contextlib.suppress(ResourceExistsError):
            container.create_container()
        return container

    def _services(self) -> list[Service]:
        services: list[Service] = [self.identity, self.key_vault, self.azurite]
        return [*services, self._postgres] if self._postgres else services
