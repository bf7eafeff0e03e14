"""What the children of these tests are asked to do, in the place of judging a workbook."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.errors.hierarchy import WorkbookError
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Report
from shared.workbook.validation import validate
from tests.mutations import mutant


@dataclass(frozen=True)
class Cost:
    """What judging and annotating a workbook took: the process's largest size in MiB, and seconds of a processor."""

    megabytes: float
    seconds: float


def judge_and_measure(content: bytes, secret: object, report: object) -> tuple[Report, Cost]:
    """The report of a workbook, and what it cost to judge and annotate it."""
    with contextlib.suppress(OSError):  # what the child's earlier work needed does not count
        Path("/proc/self/clear_refs").write_text("5")
    started = time.process_time()
    found = validate(content)
    with contextlib.suppress(WorkbookError):
        annotate(content, found)
    seconds = time.process_time() - started
    return found, Cost(_largest_size(), seconds)


def judge_mutants(numbers: Sequence[int], secret: object, report: object) -> list[tuple[int, Report, Cost]]:
    """The same of each of these mutants."""
    logging.disable()
    return [(number, *judge_and_measure(mutant(number), secret, report)) for number in numbers]


def _largest_size() -> float:
    """The most memory that this process had, in MiB."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
