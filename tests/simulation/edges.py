"""Where the app is given the simulation instead of the world: clock, randomness, threads, storage, children, HTTP.

Everything is replaced at the outermost edge: no function of the app that decides anything is another one here.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import UUID, uuid5

import requests
from azure.data.tables import TableServiceClient

import activities.finish_run
import activities.load_job
import activities.plan_run
import orchestrators.versions
import shared.identity
from shared.activation import judge
from shared.activation.store import configuration_store
from shared.audit import followed, jobs
from shared.audit.table import audit_table
from shared.isolation import leases, parent, slots
from shared.isolation.child import Work
from shared.lake import dataset
from shared.notifications import notifier, webhook
from shared.notifications.incidents import Incident, mark_notified, sole_sender
from shared.notifications.message import compose
from shared.runs import orchestrations, replacing
from shared.secrets import Secret
from shared.settings import settings
from tests.simulation.durable.client import Answer, query
from tests.simulation.kernel import Kernel, Killed, Signal
from tests.simulation.model.child import Child
from tests.simulation.storage.blob_clients import BlobClient, BlobLeaseClient

if TYPE_CHECKING:
    from tests.simulation.world import World

SETTINGS = {
    "INGESTION_SCHEDULE": "0 */30 * * * *",
    "WATCH_SCHEDULE": "0 */10 * * * *",
    "HOUSEKEEPING_SCHEDULE": "0 0 0 * * *",
    "MAINTENANCE_SCHEDULE": "0 0 0 1 1 *",
    "CONFIG_CONTAINER": "config",
    "CONFIG_BLOB": "ingestion_config.xlsx",
    "NOTIFY_WEBHOOK_URL": "https://example.com/hook",
    "PROCESS_IDLE_SECONDS": "0",
    "WEBSITE_TIME_ZONE": "UTC",
}
_KEPT = (
    *(audit_table, configuration_store, shared.identity.blob_service, shared.identity.table_service),
    *(followed._of_all_jobs, followed._of_run),
)
_KNOWING_VERSION = (activities.plan_run, orchestrators.versions, replacing)
_ROOMS = ("shared", "activities", "orchestrators")


class _Stage:
    """The world that is simulated at the moment."""

    world: World

    @property
    def kernel(self) -> Kernel:
        return self.world.kernel


stage = _Stage()


def enter(world: World) -> None:
    """Make a world the one that the app sees, as a process that has just started."""
    stage.world = world
    for function in _KEPT:
        function.cache_clear()
    slots._given_back.clear()
    deploy("1")


def deploy(version: str) -> None:
    """Let the app have another version of the orchestrators."""
    for module in _KNOWING_VERSION:
        module.ORCHESTRATORS_VERSION = version  # type: ignore[attr-defined]


class _AnyDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class Moment(datetime, metaclass=_AnyDatetime):
    """`datetime`, whose `now` is the simulation's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return stage.kernel.moment.astimezone(tz)


def _seconds() -> float:
    return stage.kernel.now


def _sleep(seconds: float) -> None:
    stage.kernel.sleep(seconds)


class _Event:
    """`threading.Event`."""

    def __init__(self) -> None:
        self._signal = Signal()

    def set(self) -> None:
        self._signal.set(stage.kernel)

    def is_set(self) -> bool:
        return self._signal.is_set

    def wait(self, timeout: float | None = None) -> bool:
        return stage.kernel.wait(self._signal, timeout)


class _Thread:
    """`threading.Thread`: another task of the same process."""

    def __init__(self, target: Callable[[], None], name: str, daemon: bool) -> None:
        self._target, self._name = target, name

    def start(self) -> None:
        current = stage.kernel.current
        assert current
        self._task = stage.kernel.spawn(current.process, self._target, self._name)

    def join(self) -> None:
        stage.kernel.wait(self._task.ended)


class _Lease(leases.JobLease):
    """`JobLease` whose events are those of the simulation."""

    def __init__(self, lease: Any, seconds: int) -> None:
        super().__init__(lease, seconds, lost=_Event(), released=_Event())  # type: ignore[arg-type]
        stage.world.invariants.leases[lease.id].append(self)


def _lease_client(client: BlobClient, lease_id: str) -> BlobLeaseClient:
    return BlobLeaseClient(client, lease_id)


async def _to_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def _gather(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """One after another; the first error is raised when all are through."""
    results: list[Any] = []
    errors: list[Exception] = []
    for number, coroutine in enumerate(coroutines):
        try:
            results.append(await coroutine)
        except Exception as error:
            errors.append(error)
        except Killed:
            for left in coroutines[number + 1 :]:
                left.close()
            raise
    if errors:
        raise errors[0]
    return results


async def _async_sleep(seconds: float) -> None:
    _sleep(seconds)


def _uuid4() -> UUID:
    return UUID(int=stage.world.random.getrandbits(128), version=4)


def _token_hex(count: int) -> str:
    return f"{stage.world.random.getrandbits(8 * count):0{2 * count}x}"


_SHIMS: dict[str, Any] = {
    "time": SimpleNamespace(time=_seconds, monotonic=_seconds, sleep=_sleep),
    "uuid": SimpleNamespace(uuid4=_uuid4, uuid5=uuid5, UUID=UUID),
    "secrets": SimpleNamespace(token_hex=_token_hex),
    "asyncio": SimpleNamespace(to_thread=_to_thread, gather=_gather, sleep=_async_sleep),
    "datetime": Moment,
}


def _service(client: type, connection_name: str) -> Any:
    return stage.world.tables if client is TableServiceClient else stage.world.blobs[connection_name]


def _give(work: Work) -> Child:
    child = Child(stage.kernel, stage.world.readings, work)
    stage.world.invariants.child_began(child, work)
    return child


def _get(url: str, headers: Any = None, timeout: float = 0) -> Answer:
    world = stage.world
    return world.dice.request("extension", "query instances", lambda: query(world.engine, url))


def _post(url: str, json: Any = None, **_options: Any) -> Any:
    world = stage.world
    world.dice.request("webhook", "post", world.notices.arrived)
    return _Posted()


class _Log:
    """A logger of the app, whose lines about the ends of runs are kept."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def info(self, text: str, *values: Any) -> None:
        self._log.info(text, *values)
        if text == "Run %s: %s, %s":
            stage.world.invariants.said[values[0]] = values[1]


class _Posted(nullcontext[None]):
    status_code = 200


@contextmanager
def _sole_sender() -> Iterator[bool]:
    stage.world.notices.began()
    with _sole() as may_send:
        try:
            yield may_send
        finally:
            stage.world.notices.ended()


def _compose(incidents: Any, base_url: str | None) -> Any:
    stage.world.notices.composed(incidents)
    return _composed(incidents, base_url)


def _mark_notified(incidents: list[Incident]) -> None:
    _marked(incidents)
    stage.world.notices.marked(incidents)


_composed, _marked, _sole = compose, mark_notified, sole_sender
_requests = SimpleNamespace(post=_post, get=_get, RequestException=requests.RequestException)


@contextmanager
def edges() -> Iterator[None]:
    """Give the app the simulation as long as the context lasts; `enter` names the world."""
    with patch.dict(os.environ, SETTINGS):
        patches = [
            patch.object(shared.identity, "_service", _service),
            patch.object(leases, "BlobLeaseClient", _lease_client),
            patch.object(slots, "BlobLeaseClient", _lease_client),
            patch.object(leases, "JobLease", _Lease),
            patch.object(leases, "threading", SimpleNamespace(Thread=_Thread, Event=_Event)),
            patch.object(followed, "Lock", nullcontext),
            patch.object(parent, "_give", _give),
            patch.object(parent, "_neighbours", SimpleNamespace(room=lambda _seconds: nullcontext())),
            patch.object(judge, "_turns", nullcontext()),
            patch.object(activities.load_job, "work_folder", lambda _bytes: nullcontext(Path("/nowhere"))),
            patch.object(activities.load_job, "connection_secret", lambda *_source: Secret({})),
            patch.object(notifier, "sole_sender", _sole_sender),
            patch.object(notifier, "compose", _compose),
            patch.object(notifier, "mark_notified", _mark_notified),
            patch.object(webhook, "requests", _requests),
            patch.object(orchestrations, "requests", _requests),
            patch.object(jobs, "log", _Log(jobs.log)),
            *(patch.object(module, "ORCHESTRATORS_VERSION", "1") for module in _KNOWING_VERSION),
            patch.object(dataset, "SMALL", 6),  # files: few of these lakes have more than a hundred
            patch.object(dataset, "RECENT", 2),
            *_shims(),
        ]
        settings.cache_clear()
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in reversed(patches):
                one.stop()
            settings.cache_clear()
            for function in _KEPT:
                function.cache_clear()


def _shims() -> Iterator[Any]:
    """The standard library's modules where a module of the app has imported them."""
    real = {name: Moment.__mro__[1] if name == "datetime" else sys.modules[name] for name in _SHIMS}
    for module_name, module in sorted(sys.modules.items()):
        if module_name.partition(".")[0] in _ROOMS and not module_name.startswith("shared.sources"):
            for name, shim in _SHIMS.items():
                if getattr(module, name, None) is real[name]:
                    yield patch.object(module, name, shim)
