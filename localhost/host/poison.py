"""The queue of blobs that the host gave up, and the functions that read it: `webjobs-blobtrigger-poison`, and no other.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#poison-blobs
"""

from __future__ import annotations

import asyncio
import json
import logging

from localhost.host.background import BackgroundTasks
from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)

QUEUE = "webjobs-blobtrigger-poison"
_MAX_ATTEMPTS = 5
_POLL_SECONDS = 0.5


def poison_message(function: str, container: str, blob: str, etag: str) -> str:
    """What the host leaves for a blob that it gave up."""
    return json.dumps(
        {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{function}",
            "BlobType": "BlockBlob",
            "ContainerName": container,
            "BlobName": blob,
            "ETag": etag,
        }
    )


class PoisonListener:
    """Runs the function that reads the queue; lives on the host's event loop."""

    def __init__(
        self, functions: list[IndexedFunction], worker: Worker, state: TriggerState, hold_seconds: float
    ) -> None:
        self._functions = functions
        self._worker = worker
        self._state = state
        self._hold_seconds = hold_seconds
        self._tasks = BackgroundTasks()

    def start(self) -> None:
        """Begin to look for messages."""
        for function in self._functions:
            self._tasks.spawn(self._poll(function))

    async def stop(self, grace: float) -> None:
        """Take no more messages and wait up to `grace` seconds for the functions that run."""
        await self._tasks.stop(grace)

    async def _poll(self, function: IndexedFunction) -> None:
        while True:
            for message_id, body in self._state.poison():
                if self._state.holds.claim(f"poison {message_id}", self._hold_seconds):
                    try:
                        with self._tasks.busy():
                            await self._handle(function, message_id, body)
                    finally:
                        self._state.holds.release(f"poison {message_id}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _handle(self, function: IndexedFunction, message_id: int, body: str) -> None:
        attempt = self._state.begin_poison_attempt(message_id)
        message = {"id": str(message_id), "body": body.encode(), "dequeue_count": attempt}
        try:
            await self._worker.invoke(function, message)
        except Exception:
            logger.exception("queue trigger %s failed, attempt %d of %d", function.name, attempt, _MAX_ATTEMPTS)
            if attempt < _MAX_ATTEMPTS:
                return
        self._state.drop_poison(message_id)


def check_queue_trigger(function: IndexedFunction) -> None:
    """Raises IndexingError for a queue that this host does not have."""
    if function.trigger["queueName"] != QUEUE:
        raise IndexingError(f"function {function.name}: the local host has the queue {QUEUE} and no other")
