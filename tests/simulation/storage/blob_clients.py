"""The clients of azure.storage.blob, as far as the app uses them, over a `BlobStore`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypeVar

from azure.core import MatchConditions

from tests.simulation.storage.blob_store import Blob, BlobStore
from tests.simulation.storage.errors import refusal

T = TypeVar("T")
Send = Callable[[str, Callable[[], T]], T]
"""Sends a request: takes what it is for and what the service does, and returns the answer."""


@dataclass(frozen=True)
class Properties:
    """What is known of a blob without its content."""

    name: str
    etag: str
    last_modified: datetime
    metadata: dict[str, str]
    size: int
    lease: SimpleNamespace = field(default_factory=SimpleNamespace)

    @classmethod
    def of(cls, name: str, blob: Blob, lease_state: str = "") -> Properties:
        lease = SimpleNamespace(state=lease_state)
        return cls(name, blob.etag, blob.last_modified, dict(blob.metadata), len(blob.content), lease)


class Download:
    """A blob as it was when the download began."""

    def __init__(self, name: str, blob: Blob) -> None:
        self.properties = Properties.of(name, blob)
        self._content = blob.content

    def readall(self) -> bytes:
        return self._content


class BlobServiceClient:
    """An account.

    Args:
        store: What it holds.
        send: By which the requests go.
    """

    def __init__(self, store: BlobStore, send: Send[Any]) -> None:
        self._store, self._send = store, send
        self.account_name = "simulated"
        self.url = "https://simulated.blob.core.windows.net/"

    def get_container_client(self, container: str) -> ContainerClient:
        return ContainerClient(self._store, self._send, container)

    def get_blob_client(self, container: str, blob: str) -> BlobClient:
        return BlobClient(self._store, self._send, container, blob)


class ContainerClient:
    """One container; the arguments are those of the account, and its name."""

    def __init__(self, store: BlobStore, send: Send[Any], container: str) -> None:
        self._store, self._send, self.container_name = store, send, container

    def create_container(self) -> None:
        self._send("create container", lambda: self._store.create_container(self.container_name))

    def exists(self) -> bool:
        return bool(self._send("look for container", lambda: self.container_name in self._store.containers))

    def get_blob_client(self, blob: str) -> BlobClient:
        return BlobClient(self._store, self._send, self.container_name, blob)

    def list_blobs(self, name_starts_with: str = "", include: Sequence[str] = ()) -> Iterator[Properties]:
        def listed() -> list[Properties]:
            blobs = self._store.blobs(self.container_name)
            return [Properties.of(name, blobs[name]) for name in sorted(blobs) if name.startswith(name_starts_with)]

        for found in self._send(f"list {name_starts_with}", listed):
            yield found if "metadata" in include else Properties(found.name, found.etag, found.last_modified, {}, 0)

    def list_blob_names(self, name_starts_with: str = "") -> Iterator[str]:
        for found in self.list_blobs(name_starts_with):
            yield found.name

    def upload_blob(self, name: str, data: bytes, **options: Any) -> BlobClient:
        client = self.get_blob_client(name)
        client.upload_blob(data, **options)
        return client

    def download_blob(self, blob: str) -> Download:
        return self.get_blob_client(blob).download_blob()

    def delete_blob(self, blob: str) -> None:
        self.get_blob_client(blob).delete_blob()


class BlobClient:
    """One blob; the arguments are those of the container, and its name."""

    def __init__(self, store: BlobStore, send: Send[Any], container: str, name: str) -> None:
        self._store, self._send, self.container_name, self.blob_name = store, send, container, name

    def upload_blob(
        self,
        data: bytes,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
        content_settings: Any = None,
    ) -> dict[str, Any]:
        if_match = etag if match_condition is MatchConditions.IfNotModified else None
        written = self.request(
            "write",
            lambda: self._store.put(self.container_name, self.blob_name, data, metadata or {}, overwrite, if_match),
        )
        return {"etag": written.etag, "last_modified": written.last_modified}

    def download_blob(self) -> Download:
        return self.request("read", lambda: Download(self.blob_name, self._get()))

    def get_blob_properties(self) -> Properties:
        def look() -> Properties:
            blob = self._get()
            return Properties.of(self.blob_name, blob, self._store.lease_state(blob))

        return self.request("look at", look)

    def set_blob_metadata(self, metadata: Mapping[str, str], lease: BlobLeaseClient | None = None) -> dict[str, Any]:
        lease_id = lease.id if lease else None
        blob = self.request(
            "name", lambda: self._store.set_metadata(self.container_name, self.blob_name, metadata, lease_id)
        )
        return {"etag": blob.etag}

    def delete_blob(self, lease: BlobLeaseClient | None = None) -> None:
        lease_id = lease.id if lease else None
        self.request("delete", lambda: self._store.delete(self.container_name, self.blob_name, lease_id))

    def request(self, verb: str, act: Callable[[], T]) -> T:
        """Send a request about this blob."""
        answer: T = self._send(f"{verb} {self.container_name}/{self.blob_name}", act)
        return answer

    def lease_request(self, verb: str, lease_id: str | None, *arguments: Any) -> Blob:
        """Send a request about this blob's lease."""
        if lease_id is None:  # as the SDK says of a lease that was released
            raise ValueError("No value for given attribute")
        act = getattr(self._store, verb)
        sent: Blob = self.request(verb, lambda: act(self.container_name, self.blob_name, lease_id, *arguments))
        return sent

    def _get(self) -> Blob:
        return self._store.get(self.container_name, self.blob_name)


class BlobLeaseClient:
    """A lease of a blob."""

    def __init__(self, client: BlobClient, lease_id: str) -> None:
        self._client = client
        self.id: str | None = lease_id

    def acquire(self, lease_duration: int = -1) -> None:
        if not 15 <= lease_duration <= 60:
            raise refusal("InvalidInput")
        self._client.lease_request("acquire", self.id, lease_duration)

    def renew(self) -> None:
        self._client.lease_request("renew", self.id)

    def release(self) -> None:
        self._client.lease_request("release", self.id)
        self.id = None
