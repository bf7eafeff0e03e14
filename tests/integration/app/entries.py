"""What the children of the worker's tests are asked to do."""

from __future__ import annotations

import logging
import mmap
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
from dlt.common import logger as dlt_logger

from shared.errors.hierarchy import SourceError
from shared.loading.dlt_settings import configure_dlt
from shared.secrets import Secret

Report = Callable[[str, int], None]


def describe(secret: Secret, report: Report, **arguments: Any) -> dict[str, Any]:
    """Says what the child was given, and whether others could see the secret."""
    visible = repr((sys.argv, dict(os.environ)))
    return {"arguments": arguments, "password": secret["password"], "visible": secret["password"] in visible}


def process_id(secret: Secret, report: Report, megabytes: int = 0) -> int:
    """Return the process that it runs in, after taking some memory."""
    memory = bytearray(megabytes * 2**20)
    memory[::4096] = b"x" * len(memory[::4096])  # touched, or the process never has it
    return os.getpid()


def report_rows(secret: Secret, report: Report) -> None:
    """Reports its progress."""
    report("extract", 5)


def log_password(secret: Secret, report: Report) -> None:
    """Logs what it should not."""
    logging.getLogger("driver").warning("cannot sign in with %s", secret["password"])


def refuse(secret: Secret, report: Report) -> None:
    """Raises an error of the project that holds a password."""
    raise SourceError(f"The source refused {secret['password']}.")


def stumble(secret: Secret, report: Report) -> None:
    """Raises an unforeseen error."""
    raise ZeroDivisionError(secret["password"])


def crash(secret: Secret, report: Report) -> None:
    """Ends as a process does that the system kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash_beside_a_halted_server(secret: Secret, report: Report) -> None:
    """Ends so that the fork server, which reports how children end, cannot report it yet."""
    os.kill(os.getppid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(secret: Secret, report: Report) -> None:
    """Ends without a word."""
    os._exit(3)


def hang(secret: Secret, report: Report) -> None:
    """Never ends by itself."""
    threading.Event().wait()


def take_memory(secret: Secret, report: Report, megabytes: int) -> int:
    """Uses memory, and keeps it for as long as it takes to be noticed."""
    memory = bytearray(megabytes * 2**20)
    memory[::4096] = b"x" * len(memory[::4096])
    threading.Event().wait(60)
    return len(memory)


def reserve_memory(secret: Secret, report: Report, megabytes: int) -> int:
    """Reserves memory that it never touches, as allocators do."""
    return len(mmap.mmap(-1, megabytes * 2**20))


def victim_score(secret: Secret, report: Report) -> int:
    """How soon the system kills this process when memory runs out."""
    return int(Path("/proc/self/oom_score_adj").read_text())


def log_as_dlt_does(secret: Secret, report: Any) -> None:
    """Log what a secret was exchanged for by dlt's own logger, which does not propagate, and steer a terminal."""
    secret.learn("t0ken-of-an-hour")
    configure_dlt()
    dlt.pipeline("logging", pipelines_dir=tempfile.mkdtemp())  # sets the logger up
    dlt_logger.warning("signed in with t0ken-of-an-hour\x1b[2J and %s", secret["password"])
