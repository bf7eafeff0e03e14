"""The questions of one load: one, or one for each window of a range, each value of a list, or each row of a parent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.models.job import Job
from shared.sources.rest.moments import since_1970
from shared.sources.rest.paths import value_at

_STEP = re.compile(r"(\d+)(d|h|m)?")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_MOST = 1_000_000
"""Windows of a load: more come of a wrong step."""
_LIST = "list:"


@dataclass(frozen=True)
class Ask:
    """One question: what is written into its request, and what its rows get beside their own fields."""

    number: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Names the question in messages."""
        shown = [str(self.values[name]) for name in ("each", "start") if name in self.values]
        return f"{', '.join(shown)}, " if shown else ""

    def row(self, row: Any, job: Job) -> Any:
        """A row with its further fields. Raises SourceError if it has such a field itself."""
        if not self.fields or row is None:
            return row
        own = row if isinstance(row, dict) else {"value": row}
        if doubled := own.keys() & self.fields.keys():
            raise SourceError(
                f"Job '{job.job_id}': a row has a field '{doubled.pop()}' itself, which api_for_each would fill; "
                "leave it "
                "out with excluded_columns of the parent, or name another field in api_for_each."
            )
        return {**own, **self.fields}


ALONE = Ask()
"""The only question of most loads."""


def asks(job: Job, watermark: Any, parents: Iterable[Any], now: datetime) -> Iterator[Ask]:
    """The questions of a load.

    Args:
        job: `api_windows` and `api_for_each`.
        watermark: Where an INCREMENTAL load starts; None if it starts nowhere.
        parents: The rows of the job that `api_for_each` names.
        now: When the load began.

    Raises:
        ConfigurationError: a window has no beginning.
        SourceError: a parent's row has no value in the field that is named.
    """
    number = 0
    windows = list(_windows(job, watermark, now)) if job.api_windows else [{}]
    base = {"now": now} | ({} if watermark is None else {"watermark": watermark})
    for each, fields in _values(job, parents) if job.api_for_each else [({}, {})]:
        for window in windows:
            yield Ask(number, {**base, **each, **window}, fields)
            number += 1


def parent_id(job: Job) -> str | None:
    """The job whose rows `api_for_each` goes through; None if it lists the values itself."""
    named = job.api_for_each
    return None if not named or named.startswith(_LIST) else named.partition(".")[0]


def _values(job: Job, parents: Iterable[Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    named = str(job.api_for_each)
    if named.startswith(_LIST):
        for text in dict.fromkeys(part.strip() for part in named.removeprefix(_LIST).split(",")):
            yield {"each": text}, {"each": text}
        return
    path = named.partition(".")[2]
    name = f"parent_{path.replace('.', '_')}"
    seen = set()
    for row in parents:
        value = value_at(row, path)
        if value is None or isinstance(value, (dict, list)):
            raise SourceError(
                f"Job '{job.job_id}': a row of job '{parent_id(job)}' has no single value at '{path}', which "
                "api_for_each "
                f"names; its fields are {', '.join(row) if isinstance(row, dict) else 'none'}."
            )
        if value not in seen:
            seen.add(value)
            yield {"each": value}, {name: value}


def _windows(job: Job, watermark: Any, now: datetime) -> Iterator[dict[str, Any]]:
    first, last, step = _range(job, watermark, now)
    start, count = first, 0
    while start < last:
        count += 1
        if count > _MOST:
            raise ConfigurationError(f"Job '{job.job_id}': api_windows '{job.api_windows}' makes over {_MOST} windows.")
        end = min(start + step, last)
        yield {"start": start, "end": end, "last": end - (1 if isinstance(end, int) else timedelta(seconds=1))}
        start = end


def _range(job: Job, watermark: Any, now: datetime) -> tuple[Any, Any, Any]:
    """Where the windows begin and end, and how wide they are: `from/to/step`, or `step` from the watermark to now."""
    *ends, width = str(job.api_windows).split("/")
    found = _STEP.fullmatch(width)
    assert found, "the workbook's check lets no other through"
    step: Any = int(found[1]) * _UNITS[found[2]] if found[2] else int(found[1])
    begin = _end(ends[0], now) if ends else _moment(watermark)
    if watermark is not None and ends:
        known = _moment(watermark)
        begin = max(begin, known) if type(known) is type(begin) else begin
    if begin is None:
        raise ConfigurationError(
            f"Job '{job.job_id}': api_windows '{job.api_windows}' has no start; give last_watermark, or from/to/step."
        )
    end = _end(ends[1], now) if ends else now + timedelta(seconds=1)
    if isinstance(begin, int) != isinstance(step, int) or isinstance(end, int) != isinstance(step, int):
        raise ConfigurationError(
            f"Job '{job.job_id}': api_windows '{job.api_windows}' mixes numbers and times; write 0/250000/1000 or "
            "2024-01-01/now/30d."
        )
    return begin, end, step


def _end(text: str, now: datetime) -> Any:
    if text == "now":
        return now
    return int(text) if text.isdigit() else _moment(datetime.fromisoformat(text.replace("Z", "+00:00")))


def _moment(value: Any) -> Any:
    """A watermark as the place where windows begin: a whole number, or a moment; times without a zone count as UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return int(value) if value.isdigit() else None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, float):
        return since_1970(value)
    return value
