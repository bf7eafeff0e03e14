"""Puts the host together: settings, the indexed app, the triggers, the durable parts and two HTTP sites."""

import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from aiohttp import web

from localhost.host import logs
from localhost.host.blobs import BlobListener, check_blob_trigger, waits_for_events
from localhost.host.durable.client_api import RPC_PATH, WEBHOOK_PATH, ClientApi, durable_client_binding
from localhost.host.durable.dispatcher import Dispatcher
from localhost.host.durable.store import Store
from localhost.host.errors import HostError, StateInUseError
from localhost.host.event_grid import EventGridWebhook
from localhost.host.http_routes import (
    admin_routes,
    check_route,
    function_routes,
    home_routes,
    host_errors,
    requires_key,
)
from localhost.host.hub_storage import HubStorage
from localhost.host.indexing import FunctionApp, index
from localhost.host.keys import load_keys
from localhost.host.poison import check_queue_trigger, poison_readers
from localhost.host.settings import HostConfig, load_host_config, load_local_settings
from localhost.host.timers import TimerListener, check_timer
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker, WorkerOptions

logger = logging.getLogger(__name__)

_ADDRESS = "127.0.0.1"
_MAX_BODY = 100 * 1024 * 1024


def serve(
    app_folder: Path,
    state_folder: Path,
    port: int = 7071,
    *,
    log_level: str | None = None,
    grace: float = 10.0,
    stop_at_end_of_input: bool = False,
    hub_folder: Path | None = None,
) -> None:
    """Run the app until SIGTERM or SIGINT; `state_folder/host.json` holds `url` and `pid` once it is ready.

    Args:
        app_folder: where `function_app.py` and `host.json` are; becomes the working directory.
        state_folder: keys, and what several hosts must not share; made if it does not exist, kept between runs.
        port: to listen on, on this machine only; 0 for any free one.
        log_level: overrides host.json's `logging.logLevel.default`.
        grace: seconds that running functions get when the host stops, or their time is over.
        hub_folder: event store and receipts, which several hosts may share; `state_folder` if it is None.
        stop_at_end_of_input: stop when standard input ends, too: when the process that holds its other end is gone.

    Raises:
        HostError: the app cannot be run, the port is taken, or another host uses `state_folder`; says which and why.
    """
    app_folder, state_folder = app_folder.resolve(), state_folder.resolve()
    state_folder.mkdir(parents=True, exist_ok=True)
    ready_file = state_folder / "host.json"
    load_local_settings(app_folder)
    config = load_host_config(app_folder)
    level = log_level or config.log_level
    logs.configure(level)
    os.chdir(app_folder)
    hub_folder = (hub_folder or state_folder).resolve()
    hub_folder.mkdir(parents=True, exist_ok=True)
    place = _Place(app_folder, state_folder, hub_folder, port, level, grace, stop_at_end_of_input)
    with _exclusive(state_folder):
        ready_file.unlink(missing_ok=True)
        try:
            asyncio.run(_run(config, place))
        finally:
            ready_file.unlink(missing_ok=True)


class _Part(Protocol):
    """What works beside the host's sites."""

    def start(self) -> None: ...

    async def stop(self, grace: float) -> object: ...


@dataclass(frozen=True)
class _Place:
    app_folder: Path
    state_folder: Path
    hub_folder: Path
    port: int
    log_level: str
    grace: float
    stop_at_end_of_input: bool


async def _run(config: HostConfig, place: _Place) -> None:
    stop = _stop_event(place.stop_at_end_of_input)
    public_socket, rpc_socket = _bind(place.port), _bind(0)
    url, rpc_url = (f"http://{_ADDRESS}:{bound.getsockname()[1]}" for bound in (public_socket, rpc_socket))
    keys = load_keys(place.state_folder)
    binding = durable_client_binding(config.hub_name, url, rpc_url, keys.durable)
    options = WorkerOptions(place.app_folder, binding, config.function_timeout, place.grace, place.log_level)
    worker = Worker(options, give_up=stop.set)
    with (
        closing(Store(place.hub_folder / "durable.db", config.default_version)) as store,
        closing(TriggerState(place.hub_folder / "triggers.db")) as state,
    ):
        app = await _indexed(worker)
        dispatcher = Dispatcher(store, app, worker, config)
        timers = TimerListener(app.of_type("timerTrigger"), worker, state)
        shared = (worker, state, config.activity_hold_seconds)
        of_blobs = app.of_type("blobTrigger")
        blobs = BlobListener([function for function in of_blobs if not waits_for_events(function)], *shared)
        webhook = EventGridWebhook([function for function in of_blobs if waits_for_events(function)], *shared)
        poison = poison_readers(app.of_type("queueTrigger"), *shared)
        parts: list[_Part] = [dispatcher, timers, blobs, webhook, *poison, HubStorage(give_up=stop.set)]
        api = ClientApi(store, dispatcher, app, binding)
        routes = [
            *function_routes(app, worker, keys, config.route_prefix),
            *api.routes(WEBHOOK_PATH, is_rpc=False, guard=partial(requires_key, keys, "durable")),
            *webhook.routes(partial(requires_key, keys, "blobs")),
            *admin_routes(app, keys, timers.fire),
            *home_routes(app, config.route_prefix),
        ]
        public = await _site(routes, public_socket, place.grace)
        rpc = await _site(api.routes(RPC_PATH, is_rpc=True), rpc_socket, place.grace)
        for part in parts:
            part.start()
        _write_ready(place.state_folder / "host.json", url)
        logger.info("ready on %s", url)
        await stop.wait()
        logger.info("stopping; what runs gets %.0f s", place.grace)
        await asyncio.gather(public.cleanup(), *(part.stop(place.grace) for part in parts))
        await rpc.cleanup()  # last: functions that still ran may have used it
        await worker.stop()


async def _indexed(worker: Worker) -> FunctionApp:
    """Start the worker and take its functions; logs how long that took."""
    began = time.perf_counter()
    descriptions = await worker.start()
    checks = {
        "timerTrigger": check_timer,
        "blobTrigger": check_blob_trigger,
        "queueTrigger": check_queue_trigger,
        "httpTrigger": check_route,
    }
    app = index(descriptions, checks)
    milliseconds = round((time.perf_counter() - began) * 1000)
    names = ", ".join(app.functions)
    logger.info("indexed %d functions in %d ms: %s", len(app.functions) + len(app.disabled), milliseconds, names)
    return app


async def _site(routes: Sequence[web.RouteDef], bound: socket.socket, grace: float) -> web.AppRunner:
    application = web.Application(middlewares=[host_errors], client_max_size=_MAX_BODY)
    application.add_routes(routes)
    # No access log: its lines hold queries, and those may hold keys.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=grace)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    return runner


@contextmanager
def _exclusive(state_folder: Path) -> Iterator[None]:
    with (state_folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateInUseError(f"{state_folder}: another host uses this state folder, stop it first") from error
        yield


def _bind(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_ADDRESS, port))
    except OSError as error:
        raise HostError(f"cannot listen on {_ADDRESS}:{port}: {error.strerror}; choose another port, or 0") from error
    return bound


def _stop_event(stop_at_end_of_input: bool) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def watch_input() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        loop.call_soon_threadsafe(stop.set)

    if stop_at_end_of_input:
        threading.Thread(target=watch_input, name="input", daemon=True).start()
    return stop


def _write_ready(path: Path, url: str) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    draft.replace(path)
