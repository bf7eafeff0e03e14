"""Ctrl-C ends a command, but never halfway through the start or stop of what it owns."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os, signal
from localhost.interruption import exit_on_signals, uninterrupted
exit_on_signals()
try:
    with uninterrupted():
        os.kill(os.getpid(), signal.{first})
        print("started", flush=True)
    print("never")
finally:
    os.kill(os.getpid(), signal.SIGINT)
    print("cleaned up", flush=True)
"""


def run(first: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(first=first)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)


def test_what_is_uninterrupted_is_finished_first_and_a_second_signal_changes_nothing() -> None:
    ended = run("SIGINT")
    assert (ended.stdout, ended.stderr, ended.returncode) == ("started\ncleaned up\n", "", 130)


def test_a_termination_has_its_own_exit_code() -> None:
    assert run("SIGTERM").returncode == 143
