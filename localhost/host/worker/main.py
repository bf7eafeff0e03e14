"""The worker's process: `python -m localhost.host.worker.main SOCKET LIFELINE`, started by the host.

It starts as a placeholder that knows of no app, as on each cold start of Flex Consumption and Elastic Premium: settings
and the app's folder arrive in an environment reload, so what is only read when a process starts does not see them.
`async def` functions run on this process's event loop, plain ones (activities and orchestrators alike) in one pool of
PYTHON_THREADPOOL_THREAD_COUNT threads; without that setting of cores + 4, as in a worker that was a placeholder.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from localhost.host import logs
from localhost.host.worker import values
from localhost.host.worker.app import LoadedFunction, load_app
from localhost.host.worker.channel import (
    Description,
    EnvironmentReload,
    Failure,
    Invocation,
    Loaded,
    Outcome,
    encode,
    read_message,
)

_THREADS = range(1, 1001)  # what the real worker takes; anything else is its default

logger = logging.getLogger(__name__)


def main() -> None:
    """Load the app, report its functions, and run what the host asks for until the host is gone."""
    channel, lifeline = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the host, which then ends this process
    threading.Thread(target=_end_with_host, args=[int(lifeline)], name="lifeline", daemon=True).start()
    asyncio.run(_serve(socket.socket(fileno=int(channel))))
    os._exit(0)  # a function that still runs sits in a thread that the interpreter would wait for


def _end_with_host(lifeline: int) -> None:
    while os.read(lifeline, 1024):
        pass
    os._exit(1)


async def _serve(channel: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)
    reload: EnvironmentReload = await read_message(reader)
    os.environ.clear()
    os.environ.update(reload.environment)
    os.chdir(reload.app_folder)
    logs.configure(reload.log_level, of_worker=True)
    functions: list[LoadedFunction] = []
    try:
        functions = load_app(reload.app_folder)
        loaded = Loaded(tuple(Description(item.name, tuple(map(dict, item.bindings))) for item in functions))
    except Exception as error:
        logger.debug("the app cannot be loaded", exc_info=True)
        loaded = Loaded(problem=f"{type(error).__name__}: {error}")
    writer.write(encode(loaded))
    worker = _Worker(functions, writer)
    tasks: set[asyncio.Task[None]] = set()
    while True:
        try:
            invocation: Invocation = await read_message(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        task = asyncio.get_running_loop().create_task(worker.run(invocation))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


class _Worker:
    def __init__(self, functions: list[LoadedFunction], writer: asyncio.StreamWriter) -> None:
        self._functions = {function.name: function for function in functions}
        self._writer = writer
        self._threads = ThreadPoolExecutor(thread_count(os.environ), thread_name_prefix="function")

    async def run(self, invocation: Invocation) -> None:
        """Run one function and send how it ended."""
        try:
            outcome = Outcome(invocation.invocation_id, value=await self._call(invocation))
            message = encode(outcome)
        except BaseException as error:
            failure = Failure(type(error).__name__, str(error), traceback.format_exc())
            message = encode(Outcome(invocation.invocation_id, failure=failure))
        self._writer.write(message)

    async def _call(self, invocation: Invocation) -> Any:
        function = self._functions[invocation.function]
        arguments = _arguments(function, invocation)
        if inspect.iscoroutinefunction(function.code):
            with logs.in_function(function.name, invocation.invocation_id):
                value = await function.code(**arguments)
        else:
            loop = asyncio.get_running_loop()
            value = await loop.run_in_executor(self._threads, _run, function, arguments, invocation.invocation_id)
        if value is not None and not function.signature.has_return:
            raise RuntimeError(f"function {function.name} without a $return binding returned a non-None value")
        return values.encode(_trigger(function)["type"], value)


def thread_count(environment: Mapping[str, str]) -> int:
    """How many plain functions a worker runs at once; see the module's docstring."""
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    if text.isdigit() and int(text) in _THREADS:
        return int(text)
    return min(32, (os.cpu_count() or 1) + 4)


def _run(function: LoadedFunction, arguments: Mapping[str, Any], invocation_id: str) -> Any:
    with logs.in_function(function.name, invocation_id):
        return function.code(**arguments)


def _trigger(function: LoadedFunction) -> Mapping[str, Any]:
    return next(binding for binding in function.bindings if str(binding["type"]).endswith("Trigger"))


def _arguments(function: LoadedFunction, invocation: Invocation) -> dict[str, Any]:
    trigger = _trigger(function)
    arguments = {trigger["name"]: values.decode(trigger["type"], invocation.argument)}
    for binding in function.bindings:
        if binding["type"] == "durableClient":
            arguments[binding["name"]] = invocation.durable_client
    if function.signature.takes_context:
        arguments["context"] = SimpleNamespace(
            invocation_id=invocation.invocation_id,
            function_name=function.name,
            function_directory=str(Path.cwd()),
            thread_local_storage=logs.thread_local_storage,
        )
    return arguments


if __name__ == "__main__":
    main()
