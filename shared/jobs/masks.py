"""How a column is masked: what the cell `masked_columns` says of it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.models.job import Job

_FORM = re.compile(r"(?P<kind>hash|null|year|last(?P<keep>[1-9]))(?P<optional>\?)?")
MASKED_SINCE = "masked_since"
"""The field of a load's record: by column the load since which it is masked, None for the load itself."""
FORMS = ("hash", "last1 to last9", "null", "year")


@dataclass(frozen=True)
class Mask:
    """What becomes of the values of one column.

    Attributes:
        kind: `hash` is an HMAC, `last` the end of the text, `null` no value, `year` the year of a date.
        keep: How many characters `last` keeps.
        is_optional: Whether a table without the column is right, too.
    """

    kind: Literal["hash", "last", "null", "year"]
    keep: int = 0
    is_optional: bool = False

    def __str__(self) -> str:
        return f"last{self.keep}" if self.kind == "last" else self.kind


def mask_of(text: str) -> Mask:
    """The mask that a cell names, such as `last4`, or `hash?` for a column that may be absent.

    Raises:
        ValueError: it names none.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(text)
    kind: Any = "last" if found["keep"] else found["kind"]
    return Mask(kind, int(found["keep"] or 0), bool(found["optional"]))


def masks_of(job: Job) -> dict[str, Mask]:
    """The masks of a job by the columns that its cell names."""
    return {name: mask_of(text) for name, text in job.masked_columns.items()}


def needs_key(job: Job) -> bool:
    """Whether the job hashes a column."""
    return any(mask.kind == "hash" for mask in masks_of(job).values())


def folded(name: str) -> str:
    """A column's name as far as it is the same for a person: without case, and without what joins words."""
    return re.sub(r"[\s_.-]", "", name).casefold()


def spelled_otherwise(wanted: str, names: Iterable[str]) -> str | None:
    """A column that is `wanted` but for case or what joins its words; None if there is none."""
    return next((name for name in names if name != wanted and folded(name) == folded(wanted)), None)


def same_masks(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether two cells mask alike; that a column may be absent changes no value."""
    return {name: text.rstrip("?") for name, text in before.items()} == {
        name: text.rstrip("?") for name, text in now.items()
    }


def masked_since(job: Job, last: Mapping[str, Any] | None) -> dict[str, str | None]:
    """The field of a load's record.

    Args:
        job: The job.
        last: The record of the load before, None if there is none.
    """
    known = (last or {}).get(MASKED_SINCE) or {}
    return {
        name: (known[name] or str((last or {})["load_id"])) if name in known else None for name in job.masked_columns
    }


WORDS_LEFT_OUT = "its words are left out, because they may hold values of masked_columns"
"""In the place of foreign text in the messages of a job with masks."""
