"""Has a workbook judged in a child process, which bounds the memory and the time that any file may cost.

The app never opens an uploaded file itself. A child that is ended at a limit, or breaks, is an answer, too: the upload
cannot be judged, and is refused as a whole.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from shared.errors.hierarchy import WorkbookError
from shared.isolation.parent import ChildError, Limits, run_in_child
from shared.models.discovery import Discovered, FoundSource
from shared.secrets import Secret
from shared.settings import settings
from shared.workbook.configuration import Problem, Report
from shared.workbook.target import Target

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Children that judge workbooks, over the whole process."""

ENTRIES = "shared.workbook.entries"
"""The module that children take their functions from."""

_turns = threading.BoundedSemaphore(AT_ONCE)


def judged(content: bytes, max_megabytes: int, max_timeout_minutes: int | None = None) -> Report:
    """What `validate` says of a workbook; one problem of the whole file if it cannot be judged within the limits.

    Args:
        content: The bytes of the file.
        max_megabytes: The largest file that is read, in MiB.
        max_timeout_minutes: The host's limit of an attempt; None for no limit.
    """
    try:
        limits = {"max_megabytes": max_megabytes, "max_timeout_minutes": max_timeout_minutes}
        found: Report = _in_child("validated", {"content": content, **limits})
    except ChildError as error:
        log.warning("An uploaded workbook cannot be judged: %s", error)
        return Report(problems=(Problem(message=f"The workbook cannot be judged. {_explained(error)}"),))
    return found


def annotated(content: bytes, found: Report) -> bytes:
    """The workbook with the problems of a report at their cells.

    Raises:
        WorkbookError: it cannot be opened for writing, or not within the limits.
    """
    try:
        written: bytes = _in_child("annotated", {"content": content, "found": found})
    except ChildError as error:
        message = str(error) if error.kind == WorkbookError.kind else _explained(error)
        raise WorkbookError(
            message if message.startswith("The workbook") else f"It cannot be annotated. {message}"
        ) from None
    return written


def filled_in(content: bytes | None, found: FoundSource, target: Target) -> tuple[bytes, list[Discovered]]:
    """A workbook, or a new one, with what was found in a source; see `shared.workbook.discovery_sheet`.

    Raises:
        WorkbookError: it cannot be read or written, or not within the limits.
    """
    try:
        arguments = {"content": content, "found": found, "target": target}
        written: tuple[bytes, list[Discovered]] = _in_child("filled_in", arguments)
    except ChildError as error:
        message = str(error) if error.kind == WorkbookError.kind else _explained(error)
        raise WorkbookError(message) from None
    return written


def _in_child(entry: str, arguments: dict[str, Any]) -> Any:
    limits = Limits(settings().workbook_seconds, settings().workbook_memory_megabytes)
    with _turns:
        return run_in_child(f"{ENTRIES}:{entry}", arguments, Secret({}), limits, name="workbook")


def _explained(error: ChildError) -> str:
    """Which limit it was, as a sentence that says what to do."""
    what_to_do = "Copy the rows into a new workbook, or remove what is not configuration"
    if error.kind == "deadline":
        return f"It takes more than {settings().workbook_seconds} s (setting WORKBOOK_SECONDS). {what_to_do}."
    if error.kind == "memory" or "SIGKILL" in str(error):
        megabytes = settings().workbook_memory_megabytes
        return f"It needs more than {megabytes} MiB of memory (setting WORKBOOK_MEMORY_MEGABYTES). {what_to_do}."
    return f"{error} {what_to_do}."
