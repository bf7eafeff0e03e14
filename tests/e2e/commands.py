"""`python -m localhost` as its users call it: a process with arguments, output and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_COMMAND = [sys.executable, "-m", "localhost"]
_SECONDS = 240
_KILLED_SECONDS = 30
_LOOKS = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TTY_COMPATIBLE", "COLUMNS")  # a CI's wishes of the output


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*_COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False, timeout=_SECONDS
    )


@contextmanager
def running(*arguments: object, temporary_folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, as a shell runs it; standard error comes with standard output."""
    process: subprocess.Popen[Any] = subprocess.Popen(
        [*_COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env=_environment(TMPDIR=str(temporary_folder), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=_SECONDS)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process prints up to the line that holds `text`."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} was not printed, but:\n{''.join(lines)}")


def left_over(temporary_folder: Path) -> list[str]:
    """The processes of a command that do not go: one that was killed takes its time on a busy machine."""
    deadline = time.monotonic() + _KILLED_SECONDS
    while (found := processes_with(temporary_folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def processes_with(temporary_folder: Path) -> list[str]:
    """The processes whose environment names this temporary folder: a command's own, and all that it started."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if f"TMPDIR={temporary_folder}" in line]


def _environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _LOOKS} | more
