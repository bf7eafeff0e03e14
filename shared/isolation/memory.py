"""Memory of an attempt: what its process uses, its limit, and what follows when the instance runs out of it.

Host, worker and attempts share the memory of one instance. Linux kills the largest process when it is used up, which
would be the host, unless another one offers itself.
"""

from __future__ import annotations

import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_SECONDS = 0.1
_VICTIM = 900  # of 1000, where 0 is every other process
_FEWER_SECONDS = 1800.0  # so long after the instance ran out of memory attempts have fewer neighbours
_STATM = Path("/proc/self/statm")
_VMSTAT = Path("/proc/vmstat")
_PAGE = resource.getpagesize()


def offer_as_victim() -> None:
    """Let the system kill this process before the host and the worker when memory runs out; Linux only.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
    """
    try:
        Path("/proc/self/oom_score_adj").write_text(str(_VICTIM), encoding="ascii")
    except OSError:  # another system, or a sandbox without the file
        return


def used_megabytes() -> float:
    """The memory of this process that is its own and in use, in MiB; reserved but untouched memory is not."""
    try:
        _, resident, shared, *_ = _STATM.read_text(encoding="ascii").split()
        return (int(resident) - int(shared)) * _PAGE / 2**20
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def memory_limit(megabytes: int | None, used_before: float, exceeded: Callable[[], None]) -> Iterator[None]:
    """Look several times a second whether the process uses more than it may.

    A limit of the system (RLIMIT_DATA) would count what libraries reserve and never touch: more than a gigabyte.

    Args:
        megabytes: What may be used beyond `used_before`, in MiB; None for no limit.
        used_before: What the process used before it got any work, in MiB.
        exceeded: Called in its own thread when it is more; it ends the process.
    """
    if megabytes is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if used_megabytes() - used_before > megabytes:
                exceeded()

    thread = threading.Thread(target=watch, name="memory-limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def out_of_memory_kills() -> int | None:
    """How many processes the system has killed because memory ran out; None if it does not say.

    Source: `oom_kill` of https://man7.org/linux/man-pages/man5/proc_vmstat.5.html, the kills of containers included.
    """
    try:
        found = re.search(r"^oom_kill (\d+)$", _VMSTAT.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


class Neighbours:
    """How many attempts run side by side on this instance: fewer for a while after it ran out of memory."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._most: int | None = None
        self._until = 0.0

    @contextmanager
    def room(self, seconds: float) -> Iterator[None]:
        """Wait for room, at most so long, and take it."""
        with self._changed:
            self._changed.wait_for(self._has_room, timeout=seconds)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def ran_out(self) -> None:
        """Note that the instance ran out of memory with as many attempts as run now."""
        with self._changed:
            self._most = max(1, self._running // 2)
            self._until = time.monotonic() + _FEWER_SECONDS

    def _has_room(self) -> bool:
        if self._most is None or time.monotonic() > self._until:
            self._most = None
            return True
        return self._running < self._most
