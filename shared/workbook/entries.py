"""What a child process is asked about a workbook: nothing else in the app opens an uploaded file."""

from __future__ import annotations

from shared.models.discovery import Discovered, FoundSource
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Report
from shared.workbook.discovery_sheet import discover_into
from shared.workbook.target import Target
from shared.workbook.validation import validate


def validated(
    content: bytes,
    max_megabytes: int,
    max_timeout_minutes: int | None,
    secret: object,  # noqa: ARG001
    report: object,  # noqa: ARG001
) -> Report:
    """The report of `validate`; the secret is empty, and no progress is reported."""
    return validate(content, max_megabytes, max_timeout_minutes)


def annotated(content: bytes, found: Report, secret: object, report: object) -> bytes:  # noqa: ARG001
    """The workbook of `annotate`, for a report that `validated` gave.

    Raises:
        WorkbookError: as `annotate`.
    """
    return annotate(content, found)


def filled_in(
    content: bytes | None,
    found: FoundSource,
    target: Target,
    secret: object,  # noqa: ARG001
    report: object,  # noqa: ARG001
) -> tuple[bytes, list[Discovered]]:
    """As `shared.workbook.discovery_sheet.discover_into`."""
    return discover_into(content, found, target)
