"""The versions of the configuration as they are kept beside the workbook.

    active/config.json                              the last good version
    history/{activated_at}-{sha256}.json            every version that was active or was superseded, with its
    history/{activated_at}-{sha256}.changes.json    diff report
    refused/{uploaded_at}-{sha256}/problems.json     an upload that was refused, with the annotated workbook
    refused/latest.json                             the last of them

All are written with ETag conditions, so that two instances of the app never undo each other's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, unquote

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContentSettings
from pydantic import AliasChoices, Field

from shared.activation.changes import Changes
from shared.models.run import ConfigVersion
from shared.models.shape import Shape
from shared.workbook.configuration import Configuration, Problem

ACTIVE = "active/config.json"


HISTORY = "history"


REFUSED = "refused"


LATEST_REFUSAL = f"{REFUSED}/latest.json"


_ANNOTATED = "annotated.xlsx"


_JSON = ContentSettings(content_type="application/json")


_ShapeT = TypeVar("_ShapeT", bound=Shape)


class Snapshot(Shape):
    """One version of the configuration and its origin.

    Attributes:
        workbook_etag: The newest state of the workbook's blob that this version takes into account; unlike
            `version.etag` that is a later one after a rollback.
        uploaded_at: When that state was uploaded (UTC); a later upload wins over an earlier one.
        previous_sha256: The version that was active before.
    """

    version: ConfigVersion
    workbook_etag: str
    uploaded_at: datetime
    uploaded_by: str | None = None
    previous_sha256: str | None = None
    changes: Changes
    configuration: Configuration

    @property
    def name(self) -> str:
        """Sorts by time of activation and names the version."""
        return _stamped(self.version.activated_at, self.version.sha256)


class Refusal(Shape):
    """An upload that was refused."""

    sha256: str
    etag: str
    uploaded_at: datetime
    uploaded_by: str | None = None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def folder(self) -> str:
        """The folder of the problems and the annotated workbook."""
        return f"{REFUSED}/{_stamped(self.uploaded_at, self.sha256)}"


class HistoryEntry(Shape):
    """One line of the history: what a snapshot's blob says about itself without being read."""

    blob: str
    sha256: str
    activated_at: datetime
    uploaded_by: str | None = None
    jobs: int
    summary: str
    # Blobs of 0.1.0 say "overtaken".
    superseded: bool = Field(default=False, validation_alias=AliasChoices("superseded", "overtaken"))


class VersionStore:
    """Reads and writes versions in the configuration's container."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def read_active(self) -> tuple[Snapshot, str] | None:
        """The active version and its blob's ETag, None if there never was one."""
        return self._read(ACTIVE, Snapshot)

    def replace_active(self, snapshot: Snapshot, etag: str | None) -> bool:
        """Make a version the active one; False if the active one was changed since `etag` was read.

        Args:
            snapshot: The version.
            etag: The ETag of the active version's blob; None if there was none.
        """
        blob = self._container.get_blob_client(ACTIVE)
        content = _to_json(snapshot)
        try:
            if etag is None:
                blob.upload_blob(content, content_settings=_JSON)
            else:
                condition = MatchConditions.IfNotModified
                blob.upload_blob(content, overwrite=True, etag=etag, match_condition=condition, content_settings=_JSON)
        except (ResourceExistsError, ResourceModifiedError):
            return False
        return True

    def add_to_history(self, snapshot: Snapshot, superseded: bool = False) -> None:
        """Keep a version and its diff report; a version that is kept already stays as it is."""
        facts = {
            "sha256": snapshot.version.sha256,
            "activated_at": snapshot.version.activated_at.isoformat(),
            "jobs": str(len(snapshot.configuration.jobs)),
            "summary": snapshot.changes.summary(),
            "superseded": str(superseded).lower(),
        } | ({"uploaded_by": quote(snapshot.uploaded_by, safe="@ ")} if snapshot.uploaded_by else {})
        self._add(f"{HISTORY}/{snapshot.name}.changes.json", _to_json(snapshot.changes))
        self._add(f"{HISTORY}/{snapshot.name}.json", _to_json(snapshot), facts)

    def history(self) -> list[HistoryEntry]:
        """Every kept version, the newest first."""
        entries = [
            HistoryEntry.model_validate({"blob": blob.name, **{key: unquote(value) for key, value in facts.items()}})
            for blob in self._container.list_blobs(f"{HISTORY}/", include=["metadata"])
            if "sha256" in (facts := blob.metadata or {})
        ]
        return sorted(entries, key=lambda entry: entry.activated_at, reverse=True)

    def find(self, sha256: str) -> Snapshot | None:
        """The newest kept version of a workbook's SHA-256, None if there is none."""
        for name in sorted(self._names_of(sha256), reverse=True):
            kept = self._read(name, Snapshot)
            if kept and kept[0].version.sha256 == sha256:
                return kept[0]
        return None

    def read_refusal(self) -> Refusal | None:
        """The last refused upload."""
        kept = self._read(LATEST_REFUSAL, Refusal)
        return kept[0] if kept else None

    def add_refusal(self, refusal: Refusal, annotated: bytes | None) -> None:
        """Keep the problems of an upload, with the workbook that shows them if there is one."""
        if annotated is not None:
            self._add(f"{refusal.folder}/{_ANNOTATED}", annotated)
        self._add(f"{refusal.folder}/problems.json", _to_json(refusal))
        blob = self._container.get_blob_client(LATEST_REFUSAL)
        blob.upload_blob(_to_json(refusal), overwrite=True, content_settings=_JSON)

    def read_annotated(self, folder: str) -> bytes | None:
        """The annotated workbook in a folder of a refusal, None if there is none: what cannot be opened has none."""
        try:
            return bytes(self._container.download_blob(f"{folder}/{_ANNOTATED}").readall())
        except ResourceNotFoundError:
            return None

    def _names_of(self, sha256: str) -> Iterator[str]:
        for name in self._container.list_blob_names(name_starts_with=f"{HISTORY}/"):
            if name.endswith(f"-{sha256[:12]}.json"):
                yield name

    def _read(self, name: str, shape: type[_ShapeT]) -> tuple[_ShapeT, str] | None:
        try:
            download = self._container.download_blob(name)
        except ResourceNotFoundError:
            return None
        return shape.model_validate_json(download.readall()), str(download.properties.etag)

    def _add(self, name: str, content: bytes, facts: Mapping[str, str] | None = None) -> None:
        try:
            self._container.upload_blob(name, content, metadata=dict(facts or {}), content_settings=_JSON)
        except ResourceExistsError:
            return


def _to_json(shape: Shape) -> bytes:
    return shape.model_dump_json(exclude_defaults=True).encode()


def _stamped(at: datetime, sha256: str) -> str:
    return f"{at:%Y-%m-%dT%H-%M-%S.%fZ}-{sha256[:12]}"
