"""The blob that the workbook is uploaded to: its states, each with its ETag, time and uploader."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobClient

from shared.activation.uploads import Upload

_UPLOADED_BY = "uploaded_by"  # of the blob's metadata, which hold ASCII only


class WorkbookBlob:
    """Reads and writes the workbook's blob."""

    def __init__(self, blob: BlobClient) -> None:
        self._blob = blob

    @property
    def container(self) -> str:
        """The name of its container."""
        return str(self._blob.container_name)

    @property
    def place(self) -> str:
        """Container and name, for messages."""
        return f"{self._blob.container_name}/{self._blob.blob_name}"

    def etag(self) -> str | None:
        """The ETag of its state, None if there is no blob."""
        try:
            return str(self._blob.get_blob_properties().etag).strip('"')
        except ResourceNotFoundError:
            return None

    def read(self) -> Upload | None:
        """What it holds now, None if there is no blob."""
        try:
            download = self._blob.download_blob()
        except ResourceNotFoundError:
            return None
        properties = download.properties
        by = properties.metadata.get(_UPLOADED_BY)
        return _upload(download.readall(), str(properties.etag), properties.last_modified, unquote(by) if by else None)

    def write(self, content: bytes, uploaded_by: str | None) -> Upload:
        """Make it hold a workbook, whatever it holds."""
        return self._write(content, uploaded_by, overwrite=True)

    def replace(self, content: bytes, uploaded_by: str | None, etag: str | None) -> Upload | None:
        """Make it hold a workbook, if its state is the one of an ETag; None, and nothing is written, if it is not.

        Args:
            content: The bytes of the workbook.
            uploaded_by: Who uploads it, if known.
            etag: Of the state that may be replaced; None if there must be no blob.
        """
        try:
            if etag is None:
                return self._write(content, uploaded_by, overwrite=False)
            condition = {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}
            return self._write(content, uploaded_by, overwrite=True, **condition)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            return None

    def _write(self, content: bytes, uploaded_by: str | None, **how: Any) -> Upload:
        metadata = {_UPLOADED_BY: quote(uploaded_by, safe="@ ")} if uploaded_by else None
        written = self._blob.upload_blob(content, metadata=metadata, **how)
        return _upload(content, written["etag"], written["last_modified"], uploaded_by)


def _upload(content: bytes, etag: str, at: datetime, by: str | None) -> Upload:
    return Upload(content=content, etag=etag.strip('"'), uploaded_at=at, uploaded_by=by)
