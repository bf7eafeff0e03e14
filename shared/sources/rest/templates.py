"""Values in the cells of a job: `{now}`, `{watermark}`, the ends of a window, and the value that is asked for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from shared.errors.hierarchy import ConfigurationError
from shared.models.job import Job
from shared.sources.rest.server_filter import written

NAMES = ("now", "watermark", "start", "end", "last", "each", "export")
_TOKEN = re.compile(rf"\{{({'|'.join(NAMES)})(?::([^{{}}]+))?\}}")


def names_in(value: Any) -> set[str]:
    """The names of the values that a cell needs."""
    if isinstance(value, Mapping):
        return set().union(*map(names_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return {found[1] for found in _TOKEN.finditer(value)} if isinstance(value, str) else set()


def filled(value: Any, values: Mapping[str, Any], job: Job, in_path: bool = False) -> Any:
    """A cell with its values written in.

    A text in a body that is one value alone becomes that value: `"{start}"` a number, if the window counts numbers.

    Args:
        value: A text, or the object or list of a body.
        values: The values by their names.
        job: For messages, and the format of watermarks.
        in_path: Whether the value is part of an address, which some characters would end.

    Raises:
        ConfigurationError: the load does not have a value of that name.
    """
    if isinstance(value, Mapping):
        return {name: filled(one, values, job) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values, job) for one in value]
    if not isinstance(value, str) or "{" not in value:
        return value

    def text(found: re.Match[str]) -> str:
        known = _value(found[1], values, job)
        shown = written(known, job, found[2])
        return quote(shown, safe="") if in_path else shown

    alone = _TOKEN.fullmatch(value)
    if alone and not alone[2] and not in_path and type(values.get(alone[1])) in (int, float):
        return values[alone[1]]
    return _TOKEN.sub(text, value)


def _value(name: str, values: Mapping[str, Any], job: Job) -> Any:
    if name == "now":
        return values.get(name) or datetime.now(UTC)
    if values.get(name) is None:
        needs = {
            "watermark": "last_watermark for the first load",
            "each": "api_for_each",
            "export": "an id in api_export",
        }.get(name, "api_windows")
        raise ConfigurationError(f"Job '{job.job_id}': {{{name}}} has no value; it needs {needs}.")
    value = values[name]
    return value if isinstance(value, (int, float, date, datetime)) else str(value)
