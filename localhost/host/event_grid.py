"""Blob triggers that wait for Event Grid: the extension's webhook, and the queue of what it was notified of.

Nothing on this machine sends such events: tests and `curl` do. A notification is taken with 202 and kept in a queue
before its function runs. One that is delivered twice runs the function twice, as Event Grid promises no better.
Source: https://learn.microsoft.com/azure/azure-functions/functions-event-grid-blob-trigger
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from localhost.host.blobs import BlobPath, bind, download, in_threads
from localhost.host.http_routes import Handler
from localhost.host.indexing import IndexedFunction
from localhost.host.poison import QUEUE as POISON
from localhost.host.poison import poison_message
from localhost.host.queues import MAX_ATTEMPTS, QueueReader
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)

WEBHOOK_PATH = "/runtime/webhooks/blobs"
_QUEUE = "webjobs-blobtrigger"
_SUBJECT = "/blobServices/default/containers/"


class EventGridWebhook:
    """Takes notifications of new blobs and runs their functions; lives on the host's event loop."""

    def __init__(
        self, functions: list[IndexedFunction], worker: Worker, state: TriggerState, hold_seconds: float
    ) -> None:
        self._functions = {function.name: (function, *bind(function)) for function in functions}
        self._worker = worker
        self._state = state
        self._threads = ThreadPoolExecutor(max(1, len(functions)), thread_name_prefix="event")
        self._queue = QueueReader(_QUEUE, self._deliver, self._give_up, state, hold_seconds)

    def start(self) -> None:
        """Begin to run functions for what has been notified."""
        self._queue.start()

    async def stop(self, grace: float) -> None:
        """Start no more functions and wait up to `grace` seconds for the one that runs."""
        await self._queue.stop(grace)

    def routes(self, guard: Callable[[Handler], Handler]) -> list[web.RouteDef]:
        """The webhook behind its key."""
        return [web.post(WEBHOOK_PATH, guard(self._receive))]

    async def _receive(self, request: web.Request) -> web.Response:
        name = request.query.get("functionName", "").removeprefix("Host.Functions.")
        if name not in self._functions:
            return web.Response(status=404)
        kind = request.headers.get("aeg-event-type")
        try:
            events: list[dict[str, Any]] = await request.json()
            if kind == "SubscriptionValidation":
                return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
            if kind == "Notification":
                for event in events:
                    self._accept(name, event)
                return web.Response(status=202)
        except (ValueError, LookupError, TypeError):
            logger.warning("the webhook of blobs got a request that is no event of Event Grid")
        return web.Response(status=202 if kind == "Unsubscribe" else 400)

    def _accept(self, name: str, event: dict[str, Any]) -> None:
        """Keep a notification, or ignore one of another kind, container or blob."""
        path: BlobPath = self._functions[name][1]
        container, _, blob = str(event["subject"]).removeprefix(_SUBJECT).partition("/blobs/")
        is_new_blob = event["eventType"] == "Microsoft.Storage.BlobCreated"
        if is_new_blob and container == path.container and path.matches(blob):
            etag = str(event["data"]["eTag"]).strip('"')
            self._state.leave(_QUEUE, json.dumps({"function": name, "blob": blob, "etag": etag}))

    async def _deliver(self, _message_id: int, body: str, attempt: int) -> None:
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        event = json.loads(body)
        function, path, service = self._functions[event["function"]]
        container = service.get_container_client(path.container)
        etag = f'"{event["etag"]}"'
        try:
            stream = await in_threads(self._threads, download, container, event["blob"], etag)
        except (ResourceModifiedError, ResourceNotFoundError):  # a later version has a notification of its own
            logger.info("blob trigger %s: the version %s of %s is gone", function.name, etag, event["blob"])
            return
        logger.info("blob trigger %s: %s, version %s, attempt %d", function.name, event["blob"], etag, attempt)
        await self._worker.invoke(function, stream)
        logger.info("blob trigger %s handled %s, version %s", function.name, event["blob"], etag)

    def _give_up(self, body: str) -> None:
        event = json.loads(body)
        function, path, _ = self._functions[event["function"]]
        self._state.leave(POISON, poison_message(function.name, path.container, event["blob"], f'"{event["etag"]}"'))
        logger.error("blob trigger %s gives up on %s after %d attempts", function.name, event["blob"], MAX_ATTEMPTS)
