"""Ctrl-C and SIGTERM for programs that own processes: the end comes once, and never halfway through a start or stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Interruption:
    """The one interruption of this process; signal handlers belong to the process, so there is one."""

    def __init__(self) -> None:
        self.held_back = False
        self.received: int | None = None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        # Cleaning up takes a moment: a second Ctrl-C, or the shell's to the whole group, must not cut it short.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self.received = number
        if not self.held_back:
            self.end()

    def end(self) -> None:
        if self.received is not None:
            raise SystemExit(128 + self.received)


_interruption = _Interruption()


def exit_on_signals() -> None:
    """From now on Ctrl-C and SIGTERM raise SystemExit, with the exit code that shells expect (130, 143)."""
    for number in _SIGNALS:
        signal.signal(number, _interruption.handle)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold the end back until the context is left: what has been started halfway cannot be stopped."""
    _interruption.held_back = True
    try:
        yield
    finally:
        _interruption.held_back = False
    _interruption.end()
