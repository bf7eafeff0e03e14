"""What a child process is asked about a workbook: nothing else in the app opens a file that somebody uploaded."""

from __future__ import annotations

from collections.abc import Callable

from shared.secrets import Secret
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Report
from shared.workbook.validation import validate


def validated(content: bytes, max_megabytes: int, secret: Secret, report: Callable[[str, int], None]) -> Report:  # noqa: ARG001
    """The report of `validate`; the secret is empty, and no progress is reported."""
    return validate(content, max_megabytes)


def annotated(content: bytes, found: Report, secret: Secret, report: Callable[[str, int], None]) -> bytes:  # noqa: ARG001
    """The workbook of `annotate`, for a report that `validated` gave.

    Raises:
        WorkbookError: as `annotate`.
    """
    return annotate(content, found)
