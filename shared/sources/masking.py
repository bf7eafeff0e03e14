"""Masked columns: which of a table's columns they are, and what becomes of their values.

The values of databases are masked as Arrow columns, each distinct value of a batch hashed once. The rows of an API are
masked as they come (`rest/masking.py`), because they are kept on disk before they are Arrow.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.jobs.masks import Mask, masks_of, needs_key, spelled_otherwise
from shared.mask_key import MaskKey
from shared.models.attempt import MaskedSample
from shared.models.job import Job
from shared.sources.arrow import is_text
from shared.sources.canonical import Spelling, text_of, texts_of

TEXT = pa.string()
MASKS = "masks"
"""The key in the source's part of dlt's state under which each resource keeps how it was masked."""
SAMPLED = 3
"""Rows of which a dry run shows the masked values."""
_DAY = r"^\d{4}-\d\d-\d\d(?:$|[T ])"


class Hasher:
    """HMAC-SHA-256 of texts, in hexadecimal."""

    def __init__(self, key: MaskKey) -> None:
        self._key = key.text.encode()

    def __call__(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def hasher_for(job: Job, key: MaskKey | None) -> Hasher | None:
    """What hashes the columns of a job; None if it hashes none.

    Raises:
        ConfigurationError: it hashes a column, and there is no key.
    """
    if not needs_key(job):
        return None
    if key is None:
        raise ConfigurationError(f"Job '{job.job_id}': masked_columns hashes a column, and there is no key for it.")
    return Hasher(key)


@dataclass(frozen=True)
class ColumnMask:
    """What becomes of the values of one column of a table.

    Attributes:
        mask: The mask.
        column: The column, for messages.
        hasher: Makes the hashes; None if the mask makes none.
        spelling: What the texts of the column really are.
    """

    mask: Mask
    column: str
    hasher: Hasher | None = field(default=None, repr=False)
    spelling: Spelling = "as it is"

    def type_of(self, own: pa.DataType) -> pa.DataType:
        """The type of the masked values of a column of type `own`.

        Raises:
            SourceError: the mask does not fit the type.
        """
        if self.mask.kind == "null":
            return own
        if self.mask.kind != "year":
            return TEXT
        if not (pa.types.is_date(own) or pa.types.is_timestamp(own) or is_text(own)):
            raise no_year(self.column, f"it is {own}")
        return pa.int64()

    def of(self, values: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
        """The values after the mask; NULL stays NULL.

        Raises:
            SourceError: a text is no date, of which a year is wanted.
        """
        if self.mask.kind == "null":
            return pa.chunked_array([pa.nulls(len(values), values.type)])
        if self.mask.kind == "year":
            years: pa.ChunkedArray[Any] = self._years(values)
            return years
        own: Any = values.combine_chunks()
        encoded = own.dictionary_encode()
        texts = texts_of(encoded.dictionary, self.spelling)
        masked = pa.array([self._masked(text) for text in texts], TEXT)
        return pa.chunked_array([masked.take(encoded.indices)])

    def _masked(self, text: str) -> str:
        return masked_text(self.mask, text, self.hasher)

    def _years(self, values: Any) -> Any:
        if not is_text(values.type):
            return pc.year(values).cast(pa.int64())
        if not pc.all(pc.match_substring_regex(values, _DAY), min_count=0).as_py():
            raise no_year(self.column, "it holds texts that do not begin like 2024-01-31")
        return pc.utf8_slice_codeunits(values, 0, 4).cast(pa.int64())


def masked_text(mask: Mask, text: str, hasher: Hasher | None) -> str:
    """The hash of a text, or its end; a text that is no longer than that end becomes as many asterisks."""
    if mask.kind == "last":
        return text[-mask.keep :] if len(text) > mask.keep else "*" * mask.keep
    assert hasher is not None, "a job with hashes has a key"
    return hasher(text)


def masked_value(mask: Mask, value: Any, column: str, hasher: Hasher | None) -> Any:
    """One value of a row after the mask: a text, a year or None.

    Raises:
        SourceError: the mask does not fit the value; no message shows the value.
    """
    if value is None or mask.kind == "null":
        return None
    if mask.kind == "year":
        day = value[:11] if isinstance(value, str) else value
        if isinstance(day, date):
            return day.year
        if isinstance(day, str) and re.match(_DAY, day):
            return int(day[:4])
        raise no_year(column, "it holds values that are no dates and no texts that begin like 2024-01-31")
    try:
        return masked_text(mask, text_of(value), hasher)
    except TypeError as error:
        raise SourceError(
            f"masked_columns '{column}:{mask}' needs single values, and a row has {error} there: name the fields "
            f"within it, such as {column}__name of an object and {column}__value of a list, or mask the whole as null."
        ) from None


def no_year(column: str, why: str) -> SourceError:
    """The error for a column that has no year."""
    return SourceError(f"masked_columns '{column}:year' needs a column of dates or times, and {why}.")


def find_masks(
    job: Job, place: str, names: Iterable[str], read: Iterable[str], before: Iterable[str]
) -> dict[str, Mask]:
    """The masks of a table's columns, by their names as the source spells them.

    Args:
        job: `masked_columns`.
        place: The table, for messages.
        names: All columns that the table has.
        read: Those that are read.
        before: The columns that the last load has masked.

    Raises:
        SourceError: a column is absent, spelled otherwise or not read: what it holds may be in another column by now.
    """
    known, chosen, found, earlier = list(names), set(read), dict[str, Mask](), set(before)
    for name, mask in masks_of(job).items():
        if name in known and name in chosen:
            found[name] = mask
        elif name in known:
            raise SourceError(
                f"masked_columns '{name}' of {place} is not read, because of included_columns or excluded_columns: "
                "take it out of one of the two cells."
            )
        elif not mask.is_optional or spelled_otherwise(name, known) or name in earlier:
            raise absent(name, mask, place, known, name in earlier)
    return found


def absent(name: str, mask: Mask, place: str, known: Iterable[str], was_masked: bool) -> SourceError:
    """The error for a masked column that is not there: its values may be under another name, unmasked."""
    if other := spelled_otherwise(name, known):
        return SourceError(
            f"masked_columns names '{name}', and {place} has '{other}': write it as the source does. Nothing was "
            "loaded, because its values would not have been masked."
        )
    gone = "The last load has masked it. " if was_masked else ""
    way_out = (
        "if it is gone for good, request a full refresh of the job"
        if mask.is_optional
        else f"take it out of masked_columns, or write {name}:{mask}? in a job with a table_name with *, or of an API"
    )
    return SourceError(
        f"masked_columns '{name}' is not a column of {place}. {gone}If it has another name now, mask that; {way_out}. "
        "Nothing was loaded, because its values might not have been masked."
    )


def remember(job: Job, masks: Mapping[str, str], key: MaskKey | None, starts_over: bool) -> dict[str, str]:
    """Keep in the state how the table is masked, for the next load; called while dlt extracts.

    Args:
        job: The job.
        masks: The masks of this load's columns, by name; a load of an API that brings no row has none.
        key: The key of its hashes.
        starts_over: Whether the rows of earlier loads are gone.

    Returns:
        The masks that the table has now.
    """
    known: dict[str, Any] = dlt.current.source_state().setdefault(MASKS, {})
    before = known.pop(job.resource_name, None) or {}
    now = {**({} if starts_over else before.get("columns", {})), **masks}
    if job.masked_columns:
        version = key.version if key and "hash" in now.values() else None
        known[job.resource_name] = {"cell": job.masked_columns, "columns": now, "key_version": version}
    return now


def labels(masked: Mapping[str, Mask]) -> dict[str, str]:
    """Masked columns with the names of their masks."""
    return {name: str(mask) for name, mask in masked.items()}


def sample_of(mask: Mask, kind: pa.DataType, values: pa.ChunkedArray[Any]) -> MaskedSample:
    """Some masked values, for a dry run."""
    shown = values.slice(0, SAMPLED).cast(TEXT) if mask.kind != "null" else pa.nulls(min(len(values), SAMPLED), TEXT)
    return MaskedSample(mask=str(mask), type=str(kind), values=tuple(shown.to_pylist()))
