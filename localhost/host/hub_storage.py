"""The account of AzureWebJobsStorage, which the real host cannot live without: its locks and Durable's hub are there.

Here they are in local files; so the host only asks for the account, and ends itself as the real one does when it has
been away for some 24 s. What runs the host starts it again. Without that setting nothing is asked.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from localhost.host.background import BackgroundTasks
from localhost.host.blobs import connect, in_threads

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

logger = logging.getLogger(__name__)

AWAY_SECONDS = 24.0
_POLL_SECONDS = 2.0
_CONNECTION = "AzureWebJobsStorage"


class HubStorage:
    """Asks for the account from time to time; lives on the host's event loop.

    Args:
        give_up: Called when the account has been away for too long: the host then ends itself.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._tasks = BackgroundTasks()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="hub")
        try:
            self._service: BlobServiceClient | None = connect(_CONNECTION, os.environ)
        except ValueError:
            self._service = None

    def start(self) -> None:
        """Begin to ask."""
        if self._service is not None:
            self._tasks.spawn(self._watch(self._service))

    async def stop(self, grace: float) -> None:
        """Ask no more."""
        await self._tasks.stop(grace)

    async def _watch(self, service: BlobServiceClient) -> None:
        answered = time.monotonic()
        while True:
            if await in_threads(self._threads, _answers, service):
                answered = time.monotonic()
            elif time.monotonic() - answered > AWAY_SECONDS:
                logger.critical("%s has been away for %.0f s; the host ends itself", _CONNECTION, AWAY_SECONDS)
                self._give_up()
                return
            await asyncio.sleep(_POLL_SECONDS)


def _answers(service: BlobServiceClient) -> bool:
    """Whether the account answers, a refusal included."""
    from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

    try:
        service.get_account_information(connection_timeout=2, read_timeout=5)
    except HttpResponseError:
        return True
    except (ServiceRequestError, ServiceResponseError):
        return False
    return True
