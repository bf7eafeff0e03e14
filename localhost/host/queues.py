"""The host's own queues, which hosts share: a message waits until its function took it, or failed five times."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from localhost.host.background import BackgroundTasks
from localhost.host.trigger_state import TriggerState

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
_POLL_SECONDS = 0.2

Deliver = Callable[[int, str, int], Awaitable[None]]


class QueueReader:
    """Delivers the messages of a queue one after another; lives on the host's event loop.

    Args:
        queue: Its name.
        deliver: Gets a message's id, its body and the number of the attempt; raises if that failed.
        give_up: Gets the body of a message whose fifth attempt failed.
        state: Where the queue is.
        hold_seconds: How long a message stays with a host that has died.
    """

    def __init__(
        self,
        queue: str,
        deliver: Deliver,
        give_up: Callable[[str], None],
        state: TriggerState,
        hold_seconds: float,
    ) -> None:
        self._queue = queue
        self._deliver = deliver
        self._give_up = give_up
        self._state = state
        self._hold_seconds = hold_seconds
        self._tasks = BackgroundTasks()

    def start(self) -> None:
        """Begin to look for messages."""
        self._tasks.spawn(self._poll())

    async def stop(self, grace: float) -> None:
        """Take no more messages and wait up to `grace` seconds for the function that runs."""
        await self._tasks.stop(grace)

    async def _poll(self) -> None:
        while True:
            for message_id, body in self._state.messages(self._queue):
                if self._state.holds.claim(f"message {message_id}", self._hold_seconds):
                    try:
                        with self._tasks.busy():
                            await self._handle(message_id, body)
                    finally:
                        self._state.holds.release(f"message {message_id}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _handle(self, message_id: int, body: str) -> None:
        attempt = self._state.begin_delivery(message_id)
        try:
            await self._deliver(message_id, body, attempt)
        except Exception:
            logger.exception("a message of %s failed, attempt %d of %d", self._queue, attempt, MAX_ATTEMPTS)
            if attempt < MAX_ATTEMPTS:
                return
            self._give_up(body)
        self._state.drop(message_id)
