"""Threads for work that may take long, apart from the few that all other calls share.

`asyncio.to_thread` has cores + 4 threads for everything that an instance answers: a handful of calls that wait for a
silent source would keep every other one waiting.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from shared.api.http import ProblemError
from shared.telemetry.invocation import carried

P = ParamSpec("P")
T = TypeVar("T")


class LimitedPool:
    """A few threads; a call that finds all of them taken is refused instead of waiting.

    Args:
        threads: How many calls may run at once.
        name: Of what is run, for the refusal: `dry runs`.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads, self._name = threads, name
        self._free = threading.BoundedSemaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name.replace(" ", "-"))

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something in one of the threads.

        Raises:
            ProblemError: 503, all threads are taken.
        """
        if not self._free.acquire(blocking=False):
            raise ProblemError(503, f"{self._threads} {self._name} are running already; try again when one has ended.")
        context = contextvars.copy_context()

        def called() -> T:
            try:
                return context.run(call, *args, **kwargs)
            finally:
                self._free.release()

        return await asyncio.get_running_loop().run_in_executor(self._pool, carried(called))
