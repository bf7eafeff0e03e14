"""What the children of these tests are asked to do, in the place of judging a workbook."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading

from shared.errors.hierarchy import WorkbookError
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Report
from shared.workbook.validation import validate


def judge_and_measure(content: bytes, secret: object, report: object) -> tuple[Report, float]:
    """The report of a workbook, and the MiB by which validating and annotating it has made the process grow."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = validate(content)
    with contextlib.suppress(WorkbookError):
        annotate(content, found)
    return found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def validated(content: bytes, secret: object, report: object, **limits: object) -> Report:
    """What the content says: never end, take all memory, or crash."""
    if content == b"endless":
        threading.Event().wait()
    if content == b"memory":
        taken: list[bytearray] = []
        while True:
            taken.append(bytearray(2**24))
    os.kill(os.getpid(), signal.SIGSEGV)
    return Report()


def annotated(content: bytes, found: Report, secret: object, report: object) -> bytes:
    """Never ends."""
    threading.Event().wait()
    return content
