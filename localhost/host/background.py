"""Tasks on the host's event loop of which some must not be cut off when the host stops."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any


class BackgroundTasks:
    """Keeps the tasks it starts; a task that runs inside `busy()` is waited for, any other one is cancelled."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[Any]] = set()
        self.is_stopping = False

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Start the coroutine as a task, unless the host stops."""
        if self.is_stopping:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Inside a task: what is done here is waited for; when the host stops, the task ends after it."""
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            yield
        finally:
            self._busy.discard(task)
            if self.is_stopping:
                task.cancel()

    async def stop(self, grace: float) -> int:
        """Cancel the tasks that wait and give busy ones up to `grace` seconds; gives how many were still busy then."""
        self.is_stopping = True
        for task in self._tasks - self._busy:
            task.cancel()
        if not self._busy:
            return 0
        _, late = await asyncio.wait(self._busy, timeout=grace)
        return len(late)


async def sleep_until(moment: datetime) -> None:
    """Return when the wall clock has reached `moment`; in steps, because the loop's own clock stops with a laptop."""
    while (remaining := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(remaining, 60))
