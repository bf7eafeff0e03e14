"""An upload of the workbook, and what became of it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from shared.activation.changes import Changes
from shared.models.run import ConfigVersion
from shared.models.shape import Shape
from shared.workbook.configuration import Problem

NO_VERSION = "none"
"""In the place of the SHA-256 of the active version if there is none."""


class Outcome(StrEnum):
    """What became of an upload."""

    ACTIVATED = "ACTIVATED"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"
    SUPERSEDED = "SUPERSEDED"
    ROLLED_BACK = "ROLLED_BACK"


class Activation(Shape):
    """What became of an upload, for the audit and for the caller.

    Attributes:
        at: When it became active, or was uploaded if it did not (UTC). It is the same when the upload is handled
            again, so an audit row keyed by it stays one row.
        active: The version that is active now, None if there never was one.
        refused_folder: The folder of the problems and the annotated workbook.
    """

    outcome: Outcome
    sha256: str
    at: datetime
    uploaded_by: str | None = None
    active: ConfigVersion | None = None
    changes: Changes | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    refused_folder: str | None = None


def sha256_of(version: ConfigVersion | None) -> str:
    """The SHA-256 of the active version; `NO_VERSION` if there is none."""
    return version.sha256 if version else NO_VERSION


class Upload(Shape):
    """One state of the workbook's blob."""

    content: bytes
    etag: str
    uploaded_at: datetime
    uploaded_by: str | None = None
    values: dict[str, str] = Field(default_factory=dict, description="What the placeholders of the workbook stand for.")

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, in hexadecimal; of a workbook with placeholders their values count, too."""
        values = json.dumps(self.values, sort_keys=True).encode() if self.values else b""
        return hashlib.sha256(self.content + values).hexdigest()
