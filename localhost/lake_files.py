"""The files of the local lake for DuckDB: a file system that only reads.

adlfs would do, but for the certificates: aiohttp takes those of the process when it is imported.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from azure.storage.blob import BlobClient, BlobServiceClient
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

PROTOCOL = "lake"


class LakeFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Blobs as files, `lake://container/name`.

    Args:
        blobs: The storage account.
    """

    protocol = PROTOCOL
    cachable = False

    def __init__(self, blobs: BlobServiceClient) -> None:
        super().__init__()
        self._blobs = blobs

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name and size of a file. Raises ResourceNotFoundError if it is gone."""
        size = self.blob(path).get_blob_properties().size
        return {"name": path, "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """When a file was written."""
        written: datetime = self.blob(path).get_blob_properties().last_modified
        return written

    def glob(self, path: str, **_: Any) -> list[str]:
        """The file itself: tables are lists of files here."""
        return [path]

    def blob(self, path: str) -> BlobClient:
        """The blob of a path."""
        container, _, name = str(self._strip_protocol(path)).partition("/")
        return self._blobs.get_blob_client(container, name)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _LakeFile:
        if mode != "rb":
            raise PermissionError(f"{path}: the lake is only read here")
        return _LakeFile(self, path, mode, cache_type="readahead", size=self.info(path)["size"])


class _LakeFile(AbstractBufferedFile):  # type: ignore[misc]
    def _fetch_range(self, start: int, end: int) -> bytes:
        return bytes(self.fs.blob(self.path).download_blob(start, end - start).readall())
