"""The lake's storage as the commit protocol sees it: as much of adlfs as it calls, over a blob client."""

from __future__ import annotations

from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from tests.simulation.storage.blob_clients import BlobClient, BlobServiceClient


class LakeFiles:
    """Files of a storage account, by `container/path`."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    def pipe_file(
        self,
        path: str,
        value: bytes,
        mode: str = "overwrite",
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
    ) -> None:
        condition: dict[str, Any] = {"etag": etag, "match_condition": match_condition} if etag else {}
        try:
            self._blob(path).upload_blob(value, overwrite=mode == "overwrite", **condition)
        except ResourceExistsError:
            raise FileExistsError(path) from None

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        try:
            return self._blob(path).download_blob().readall()[start:end]
        except ResourceNotFoundError:
            raise FileNotFoundError(path) from None

    def rm_file(self, path: str) -> None:
        try:
            self._blob(path).delete_blob()
        except ResourceNotFoundError:
            raise FileNotFoundError(path) from None

    def find(self, path: str, detail: bool = False) -> dict[str, dict[str, Any]]:
        container, _, prefix = path.partition("/")
        found = self._service.get_container_client(container).list_blobs(prefix, include=["metadata"])
        return {f"{container}/{blob.name}": {"size": blob.size, "etag": blob.etag} for blob in found}

    def _blob(self, path: str) -> BlobClient:
        container, _, name = path.partition("/")
        return self._service.get_blob_client(container, name)
