"""The rules of blob storage: names, ETags, conditions and leases.

Source: https://learn.microsoft.com/rest/api/storageservices/lease-blob#outcomes-of-lease-operations
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.simulation.storage.errors import refusal


@dataclass
class Blob:
    """One blob and its lease, which is held until `leased_until`."""

    content: bytes
    metadata: dict[str, str]
    etag: str
    last_modified: datetime
    lease_id: str | None = None
    lease_seconds: int = 0
    leased_until: float = 0.0
    changed_after_lease: bool = False


@dataclass
class BlobStore:
    """The containers of an account.

    Attributes:
        clock: Seconds since 1970.
        watchers: Called with container and name after a blob was written or removed.
    """

    clock: Callable[[], float]
    containers: dict[str, dict[str, Blob]] = field(default_factory=dict)
    watchers: list[Callable[[str, str], None]] = field(default_factory=list)
    _writes: int = 0

    def create_container(self, container: str) -> None:
        if container in self.containers:
            raise refusal("ContainerAlreadyExists")
        self.containers[container] = {}

    def blobs(self, container: str) -> dict[str, Blob]:
        if container not in self.containers:
            raise refusal("ContainerNotFound")
        return self.containers[container]

    def get(self, container: str, name: str) -> Blob:
        blob = self.blobs(container).get(name)
        if blob is None:
            raise refusal("BlobNotFound")
        return blob

    def put(
        self,
        container: str,
        name: str,
        content: bytes,
        metadata: Mapping[str, str],
        overwrite: bool,
        if_match: str | None = None,
    ) -> Blob:
        """Write a whole blob.

        Args:
            container: Where.
            name: Where.
            content: What.
            metadata: What besides.
            overwrite: Whether there may be one already.
            if_match: The ETag that it must have.
        """
        blobs = self.blobs(container)
        existing = blobs.get(name)
        if existing and not overwrite and if_match is None:
            raise refusal("BlobAlreadyExists")
        if if_match is not None and (existing is None or existing.etag != if_match):
            raise refusal("ConditionNotMet")
        if existing:
            self._check_lease(existing, None)
        written = blobs.setdefault(name, Blob(b"", {}, "", datetime.fromtimestamp(0, UTC)))
        written.content, written.metadata = content, dict(metadata)
        self._touch(written)
        self._report(container, name)
        return written

    def set_metadata(self, container: str, name: str, metadata: Mapping[str, str], lease_id: str | None) -> Blob:
        blob = self.get(container, name)
        self._check_lease(blob, lease_id)
        blob.metadata = dict(metadata)
        self._touch(blob)
        return blob

    def delete(self, container: str, name: str, lease_id: str | None = None) -> None:
        self._check_lease(self.get(container, name), lease_id)
        del self.blobs(container)[name]
        self._report(container, name)

    def acquire(self, container: str, name: str, lease_id: str, seconds: int) -> Blob:
        blob = self.get(container, name)
        if self._is_leased(blob) and blob.lease_id != lease_id:
            raise refusal("LeaseAlreadyPresent")
        blob.lease_id, blob.lease_seconds = lease_id, seconds
        return self._extend(blob)

    def renew(self, container: str, name: str, lease_id: str) -> Blob:
        """Also a lease that has run out can be renewed, unless the blob was changed or leased since."""
        blob = self.get(container, name)
        if blob.lease_id is None:
            raise refusal("LeaseNotPresentWithLeaseOperation")
        if blob.lease_id != lease_id or (not self._is_leased(blob) and blob.changed_after_lease):
            raise refusal("LeaseIdMismatchWithLeaseOperation")
        return self._extend(blob)

    def release(self, container: str, name: str, lease_id: str) -> Blob:
        blob = self.get(container, name)
        if blob.lease_id is None:
            raise refusal("LeaseNotPresentWithLeaseOperation")
        if blob.lease_id != lease_id:
            raise refusal("LeaseIdMismatchWithLeaseOperation")
        blob.lease_id, blob.leased_until = None, 0.0
        return blob

    def lease_state(self, blob: Blob) -> str:
        """What the service says of the lease."""
        if self._is_leased(blob):
            return "leased"
        return "available" if blob.lease_id is None else "expired"

    def _extend(self, blob: Blob) -> Blob:
        blob.leased_until = self.clock() + blob.lease_seconds
        blob.changed_after_lease = False
        return blob

    def _is_leased(self, blob: Blob) -> bool:
        return blob.lease_id is not None and blob.leased_until > self.clock()

    def _check_lease(self, blob: Blob, lease_id: str | None) -> None:
        """Whether a caller that names a lease, or none, may change a blob."""
        if self._is_leased(blob):
            if lease_id is None:
                raise refusal("LeaseIdMissing")
            if lease_id != blob.lease_id:
                raise refusal("LeaseIdMismatchWithBlobOperation")
        elif lease_id is not None:
            raise refusal("LeaseLost" if blob.lease_id is not None else "LeaseNotPresentWithBlobOperation")

    def _touch(self, blob: Blob) -> None:
        self._writes += 1
        blob.etag = f'"0x{self._writes:016X}"'
        blob.last_modified = datetime.fromtimestamp(int(self.clock()), UTC)
        blob.changed_after_lease = not self._is_leased(blob)

    def _report(self, container: str, name: str) -> None:
        for watch in self.watchers:
            watch(container, name)
