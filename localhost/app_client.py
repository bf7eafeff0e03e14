"""A client of an app on this machine: its HTTP API, and the storage that it uses."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import requests
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobClient

from localhost.api_client import ApiClient
from localhost.host.keys import load_keys
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY

_HEALTH_SECONDS = 120
_ADDRESSES = "app.json"


@dataclass(frozen=True)
class LocalStorage:
    """The storage of an app on this machine.

    Args:
        blob_url: The blob endpoint of its account.
        table_url: The table endpoint.
        audit_table: The name of the audit table.
        config_container: The container that holds no tables.
        ca_bundle: The certificates by which it is trusted.
    """

    blob_url: str
    table_url: str
    audit_table: str
    config_container: str
    ca_bundle: str

    @property
    def connection_string(self) -> str:
        """For tools that know Azure Storage."""
        parts = {
            "DefaultEndpointsProtocol": "https",
            "AccountName": ACCOUNT,
            "AccountKey": ACCOUNT_KEY,
            "BlobEndpoint": self.blob_url,
            "TableEndpoint": self.table_url,
        }
        return ";".join(f"{name}={value}" for name, value in parts.items())


class AppClient(ApiClient):
    """The HTTP API of an app and the blob of its workbook."""

    @property
    @abstractmethod
    def workbook(self) -> BlobClient:
        """The blob in which the app looks for its workbook."""

    def upload_workbook(self, content: bytes) -> None:
        """Put a workbook where the app looks for it."""
        self.workbook.upload_blob(content, overwrite=True)


class RunningApp(AppClient):
    """An app that another process runs in a folder.

    Args:
        folder: The state folder of its host.
        addresses: What `write_addresses` wrote there.
    """

    def __init__(self, folder: Path, addresses: Mapping[str, str]) -> None:
        self._folder = folder
        self._addresses = addresses

    @property
    def url(self) -> str:
        return self._addresses["url"]

    @property
    def function_key(self) -> str:
        return load_keys(self._folder).function

    @property
    def storage_place(self) -> LocalStorage:
        """Where the app keeps its lake and its audit table."""
        return LocalStorage(**{field.name: self._addresses[field.name] for field in fields(LocalStorage)})

    @property
    def workbook(self) -> BlobClient:
        return BlobClient.from_blob_url(
            self._addresses["workbook_url"],
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=self._addresses["ca_bundle"],
        )


def write_addresses(folder: Path, app: AppClient, storage: LocalStorage) -> Path:
    """Write down where an app can be reached, for `find_running_app`; returns the file, to be removed at its end.

    Args:
        folder: The state folder of the app's host.
        app: The running app.
        storage: Where it keeps its lake and its audit table.
    """
    path = folder / _ADDRESSES
    addresses = {"url": app.url, "workbook_url": app.workbook.url, **asdict(storage)}
    path.write_text(json.dumps(addresses), encoding="utf-8")
    return path


def find_running_app(folder: Path) -> RunningApp | None:
    """The app that another process runs with this state folder, None if none answers."""
    try:
        app = RunningApp(folder, json.loads((folder / _ADDRESSES).read_text(encoding="utf-8")))
        health = requests.get(f"{app.url}/api/health", timeout=_HEALTH_SECONDS).json()
    except (FileNotFoundError, requests.RequestException):  # never started, or killed before it could tidy up
        return None
    return app if "checks" in health else None  # else another program has that port by now
