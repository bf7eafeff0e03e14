"""Blob triggers by polling: each version of a blob (its ETag) once, with receipts, up to five attempts.

Triggers with `source=EventGrid` are in event_grid.py. One function takes one blob at a time, oldest first.
"""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from localhost.host.background import BackgroundTasks
from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.poison import QUEUE as POISON
from localhost.host.poison import poison_message
from localhost.host.queues import MAX_ATTEMPTS
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, BlobServiceClient, ContainerClient

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_RETRY_SECONDS = 0.1  # five failures within half a second

T = TypeVar("T")


@dataclass(frozen=True)
class BlobPath:
    """A trigger's path: the container and which of its blobs count."""

    container: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, path: str) -> "BlobPath":
        """Read `container/name`, where each `{part}` of the name matches any text.

        Raises:
            ValueError: there is no name, or the container is a `{part}`.
        """
        container, _, name = path.partition("/")
        if not name or "{" in container:
            raise ValueError(f"path {path!r} is not container/name with a fixed container")
        parts = re.split(r"\{[^{}]+\}", name)
        return cls(container, re.compile("(.+)".join(map(re.escape, parts)), re.DOTALL))

    def matches(self, blob: str) -> bool:
        """Whether a blob of that name counts."""
        return self.pattern.fullmatch(blob) is not None


class BlobListener:
    """Runs the blob functions; lives on the host's event loop, talks to the storage from threads."""

    def __init__(
        self, functions: list[IndexedFunction], worker: Worker, state: TriggerState, hold_seconds: float
    ) -> None:
        self._worker = worker
        self._state = state
        self._hold_seconds = hold_seconds
        self._tasks = BackgroundTasks()
        # Not the loop's own threads: it would wait for a storage that does not answer when the host stops.
        self._threads = ThreadPoolExecutor(max(1, len(functions)), thread_name_prefix="blob")
        self._watched: list[tuple[IndexedFunction, BlobPath, ContainerClient]] = []
        for function in functions:
            path, service = bind(function)
            self._watched.append((function, path, service.get_container_client(path.container)))

    def start(self) -> None:
        """Begin to look for blobs, the ones that are there already included."""
        self._tasks.spawn(self._renew())
        for function, path, container in self._watched:
            self._tasks.spawn(self._poll(function, path, container))

    async def stop(self, grace: float) -> None:
        """Take no more blobs and wait up to `grace` seconds for the functions that run."""
        await self._tasks.stop(grace)

    async def _poll(self, function: IndexedFunction, path: BlobPath, container: "ContainerClient") -> None:
        problem = ""
        while True:
            try:
                for blob in await in_threads(self._threads, _list, container, path):
                    if not self._state.is_done(function.name, path.container, blob.name, blob.etag):
                        await self._handle_alone(function, container, blob)
                problem = ""
            except Exception as error:
                if problem != type(error).__name__:  # once, not at every poll
                    problem = type(error).__name__
                    logger.warning("blob trigger %s cannot read %s: %s", function.name, container.url, error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _handle_alone(
        self, function: IndexedFunction, container: "ContainerClient", blob: "BlobProperties"
    ) -> None:
        """Handle a version of a blob unless another host does."""
        subject = f"{function.name} {container.container_name}/{blob.name} {blob.etag}"
        if not self._state.holds.claim(subject, self._hold_seconds):
            return
        try:
            with self._tasks.busy():
                while not await self._handle(function, container, blob):
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._state.holds.release(subject)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._hold_seconds / 4)
            self._state.holds.renew()

    async def _handle(self, function: IndexedFunction, container: "ContainerClient", blob: "BlobProperties") -> bool:
        """Whether this version is dealt with: handled, or given up."""
        name = f"{container.container_name}/{blob.name}"
        stream = await in_threads(self._threads, download, container, blob.name, blob.etag)
        version = (function.name, container.container_name, blob.name, blob.etag)
        attempt = self._state.begin_attempt(*version)
        logger.info("blob trigger %s: %s, version %s, attempt %d", function.name, name, blob.etag, attempt)
        try:
            await self._worker.invoke(function, stream)
        except Exception:
            logger.exception(
                "blob trigger %s failed on %s, attempt %d of %d", function.name, name, attempt, MAX_ATTEMPTS
            )
            if attempt < MAX_ATTEMPTS:
                return False
            self._state.finish(*version)
            self._state.leave(POISON, poison_message(*version))
            logger.error("blob trigger %s gives up on %s, version %s", function.name, name, blob.etag)  # noqa: TRY400
        else:
            self._state.finish(*version)  # before the log line: the line means that the receipt is kept
            logger.info("blob trigger %s handled %s, version %s", function.name, name, blob.etag)
        return True


def check_blob_trigger(function: IndexedFunction) -> None:
    """Raises IndexingError when the function's path or connection cannot be used."""
    bind(function)


async def in_threads(threads: ThreadPoolExecutor, call: Callable[..., T], *arguments: Any) -> T:
    """Run a call that blocks in one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(threads, call, *arguments)


def waits_for_events(function: IndexedFunction) -> bool:
    """Whether Event Grid notifies the function, so that nothing looks for its blobs."""
    return str(function.trigger.get("source", "")).lower() == "eventgrid"


def bind(function: IndexedFunction) -> "tuple[BlobPath, BlobServiceClient]":
    """The function's path, and a client for its connection.

    Raises:
        IndexingError: one of them cannot be used.
    """
    try:
        return BlobPath.parse(function.trigger["path"]), connect(function.trigger["connection"], os.environ)
    except ValueError as error:
        raise IndexingError(f"function {function.name}: {error}") from error


def connect(connection: str, environment: Mapping[str, str]) -> "BlobServiceClient":
    """A client for a binding's connection: the setting of that name, or `{name}__blobServiceUri` with an identity.

    It does not retry: the next poll does.

    Raises:
        ValueError: neither setting exists.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
    from azure.storage.blob import BlobServiceClient

    if connection_string := environment.get(connection):
        return BlobServiceClient.from_connection_string(connection_string, retry_total=0)
    url = environment.get(f"{connection}__blobServiceUri") or environment.get(f"{connection}__serviceUri")
    if not url:
        raise ValueError(
            f"connection {connection!r} has no setting: set {connection} to a connection string, "
            f"or {connection}__blobServiceUri to a URL to be used with an identity"
        )
    client_id = environment.get(f"{connection}__clientId")
    if environment.get(f"{connection}__credential", "").lower() == "managedidentity":
        return BlobServiceClient(url, ManagedIdentityCredential(client_id=client_id), retry_total=0)
    return BlobServiceClient(url, DefaultAzureCredential(managed_identity_client_id=client_id), retry_total=0)


def _list(container: "ContainerClient", path: BlobPath) -> "list[BlobProperties]":
    from azure.core.exceptions import ResourceNotFoundError

    try:
        blobs = [blob for blob in container.list_blobs(include=["metadata"]) if path.matches(blob.name)]
    except ResourceNotFoundError:
        return []  # the container may come later
    return sorted(blobs, key=lambda blob: blob.last_modified)


def download(container: "ContainerClient", name: str, etag: str) -> dict[str, Any]:
    """The arguments of the SDK's `InputStream` for one version of a blob.

    Raises:
        ResourceModifiedError: it is not the newest one.
        ResourceNotFoundError: the blob is gone.
    """
    from azure.core import MatchConditions

    client = container.get_blob_client(name)
    stream = client.download_blob(etag=etag, match_condition=MatchConditions.IfNotModified)
    data = stream.readall()
    return {
        "data": data,
        "name": f"{container.container_name}/{name}",
        "uri": client.url,
        "length": len(data),
        "blob_properties": {"ContentLength": len(data), "ETag": etag},
        "metadata": dict(stream.properties.metadata or {}),
    }
