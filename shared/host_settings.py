"""What is set for the Functions host rather than for the app: host.json, and the variables that override it."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):\d{2}")
_MARGIN_MINUTES = 2  # to end a child, write its rows and release its lease


@cache
def most_timeout_minutes() -> int | None:
    """The most that an attempt may take: functionTimeout less a margin; None if functions may run for ever.

    At functionTimeout the host ends the worker with everything that runs in it, and the neighbours of the function
    that took too long count as running until their own time is over. An attempt must be ended before.
    """
    text = os.environ.get("AzureFunctionsJobHost__functionTimeout")  # noqa: SIM112  its name
    if not text:
        text = str(_host_json().get("functionTimeout", "00:30:00"))
    found = _SPAN.fullmatch(text.strip())
    if found is None:  # -1: no limit
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return max((days * 24 + hours) * 60 + minutes - _MARGIN_MINUTES, 1)


@cache
def activities_at_once() -> int:
    """How many loads an instance runs at once: maxConcurrentActivityFunctions of host.json."""
    given = os.environ.get("AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions")  # noqa: SIM112
    if given and given.isdecimal():
        return max(int(given), 1)
    return int(_host_json()["extensions"]["durableTask"]["maxConcurrentActivityFunctions"])


def is_disabled(function: str) -> bool:
    """Whether the function was switched off on purpose.

    Source: https://learn.microsoft.com/azure/azure-functions/disable-function
    """
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(os.environ.get(name, "").lower() in ("true", "1") for name in names)


def _host_json() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).parents[1] / "host.json").read_text(encoding="utf-8"))
    return content
