"""What the host has switched off because of a setting: it says so in its log alone, and everything else runs on."""

from __future__ import annotations

import re

from shared.errors.hierarchy import SettingsError
from shared.host_settings import is_disabled
from shared.jobs.timers import check_timer
from shared.settings import settings

_TIMERS = {
    "ingestion_schedule": ("scheduled_run", "no run starts by schedule"),
    "housekeeping_schedule": ("housekeeping", "nothing that is old is removed"),
    "maintenance_schedule": ("maintenance", "no table is compacted"),
    "watch_schedule": ("watch", "overdue jobs are not noticed"),
}
_BLOB_FUNCTION = "workbook_uploaded"
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")


def trigger_problems() -> dict[str, str]:
    """What is wrong with the settings that the app's bindings refer to, a sentence by setting.

    A function that was disabled on purpose (`AzureWebJobs.{function}.Disabled`) is not a problem.

    Raises:
        SettingsError: another setting is wrong, so that none can be read.
    """
    known = settings()
    problems: dict[str, str] = {}
    try:
        assert known.time_zone
    except SettingsError as error:
        problems["WEBSITE_TIME_ZONE"] = str(error)
    for name, (function, consequence) in _TIMERS.items():
        if wrong := None if is_disabled(function) else _wrong_timer(getattr(known, name)):
            problems[name.upper()] = (
                f"Setting {name.upper()} {wrong}: the host has switched {function} off, and {consequence}. "
                "Set it to six fields such as '0 0 2 * * *'."
            )
    if not is_disabled(_BLOB_FUNCTION):
        problems |= _workbook_problems()
    return problems


def _wrong_timer(schedule: str) -> str | None:
    if not schedule.strip():
        return "is blank"
    try:
        check_timer(schedule)
    except ValueError as error:
        return str(error)
    return None


def _workbook_problems() -> dict[str, str]:
    known = settings()
    unset = f"is blank: the host has switched {_BLOB_FUNCTION} off, and an uploaded workbook is noticed by the next run"
    problems = {
        name.upper(): f"Setting {name.upper()} {unset} only. Set it."
        for name in ("config_container", "config_blob")
        if name not in known.model_fields_set
    }
    if any(brace in known.config_blob for brace in "{}"):
        problems["CONFIG_BLOB"] = (
            "Setting CONFIG_BLOB has braces, which the host takes for a pattern: it fires for blobs that the app does "
            "not read. Name one blob."
        )
    if not _CONTAINER.fullmatch(known.config_container):
        problems["CONFIG_CONTAINER"] = (
            "Setting CONFIG_CONTAINER does not name a container: use 3 to 63 lower-case letters, digits and single "
            "hyphens."
        )
    return problems
