"""Pages, and the opaque texts that a caller gives back: where a page ended, and as of when an answer was."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

T = TypeVar("T")


def cut(items: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """The items of a page, and whether another page follows; after a page without items there is none."""
    found = list(islice(items, limit + 1))
    return found[:limit], 0 < limit < len(found)


class Token(BaseModel):
    """Something that an answer says as one opaque text, and a later request gives back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def encode(self) -> str:
        """The text."""
        return urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @classmethod
    def decode(cls, text: Any) -> Self:
        """What a text says.

        Raises:
            ValueError: no answer gave this text.
        """
        try:
            return cls.model_validate_json(urlsafe_b64decode(str(text).encode()))
        except (ValueError, ValidationError):
            raise ValueError("give what an earlier answer of this route said, unchanged") from None


class JobsAsOf(Token):
    """As of when a list of jobs was.

    Attributes:
        config_sha256: The version of the workbook.
        rows: Until when the audit table was read, by the storage's clock.
        clock: The app's clock, by which jobs are due and overdue.
    """

    config_sha256: str
    rows: datetime
    clock: datetime


class JobsPage(Token):
    """Where a page of jobs ended.

    Attributes:
        after: How many jobs of the workbook come before the next page.
        as_of: That of the first page: what changes while pages are read comes with the next changes.
        since: Of which changes it is a page; None for all jobs.
    """

    after: int
    as_of: JobsAsOf
    since: JobsAsOf | None


class RunAsOf(Token):
    """As of when the jobs of a run were, by the storage's clock."""

    rows: datetime


class RunPage(Token):
    """Where a page of the jobs of a run ended.

    Attributes:
        after: The last job_id.
        as_of: That of the first page.
        since: Of which changes it is a page; None for all jobs.
    """

    after: str
    as_of: RunAsOf
    since: RunAsOf | None
