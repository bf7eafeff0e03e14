"""The rate limit that all threads of a job keep together, and the pauses that a server asks for."""

from __future__ import annotations

import threading
import time

from shared.errors.hierarchy import TransientError


class LoadEndedError(TransientError):
    """A request that is not sent any more, since another one of its load has failed or its reader has stopped."""


class Pace:
    """Gives each request its turn.

    Args:
        per_second: at most this many requests a second; None for no limit.
    """

    def __init__(self, per_second: float | None) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Return when it is this request's turn.

        Raises:
            LoadEndedError: the load has ended meanwhile.
        """
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        self.sleep(turn - time.monotonic())
        if self._stopped.is_set():
            raise LoadEndedError("The load has ended; no more requests are sent.")

    def hold(self, seconds: float) -> None:
        """Let no request start for `seconds`: the server has asked for it, and it means all threads."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond `stop`."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def stop(self) -> None:
        """End all waits, present and future."""
        self._stopped.set()
