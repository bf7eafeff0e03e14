"""The queue of blobs that the host gave up, and the functions that read it: `webjobs-blobtrigger-poison`, and no other.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#poison-blobs
"""

from __future__ import annotations

import json
import logging
from functools import partial

from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.queues import QueueReader
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)

QUEUE = "webjobs-blobtrigger-poison"


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


def poison_readers(
    functions: list[IndexedFunction], worker: Worker, state: TriggerState, hold_seconds: float
) -> list[QueueReader]:
    """What runs the functions that read the queue."""

    async def deliver(function: IndexedFunction, message_id: int, body: str, attempt: int) -> None:
        await worker.invoke(function, {"id": str(message_id), "body": body.encode(), "dequeue_count": attempt})

    def forget(body: str) -> None:
        logger.error("a poison message is given up: %s", body)

    return [QueueReader(QUEUE, partial(deliver, function), forget, state, hold_seconds) for function in functions]


def check_queue_trigger(function: IndexedFunction) -> None:
    """Raises IndexingError for a queue that this host does not have."""
    if function.trigger["queueName"] != QUEUE:
        raise IndexingError(f"function {function.name}: the local host has the queue {QUEUE} and no other")
