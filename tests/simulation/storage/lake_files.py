"""The lake's storage as the commit protocol sees it: as much of adlfs as it calls, over a blob client."""

from __future__ import annotations

from pathlib import Path
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

    def put_file(self, local: str, path: str) -> None:
        self.pipe_file(path, Path(local).read_bytes())

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

    def info(self, path: str) -> dict[str, Any]:
        try:
            return {"etag": self._blob(path).get_blob_properties().etag}
        except ResourceNotFoundError:
            raise FileNotFoundError(path) from None

    def ls(self, path: str, detail: bool = False) -> list[dict[str, Any]]:
        found = self.find(f"{path}/")
        names = {name[len(path) + 1 :].partition("/") for name in found}
        folders = sorted({first for first, slash, _ in names if slash})
        entries: list[dict[str, Any]] = [{"name": f"{path}/{name}", "type": "directory"} for name in folders]
        in_it = [first for first, slash, _ in names if not slash]
        return entries + [{"name": f"{path}/{name}", "type": "file", **found[f"{path}/{name}"]} for name in in_it]

    def _blob(self, path: str) -> BlobClient:
        container, _, name = path.partition("/")
        return self._service.get_blob_client(container, name)
