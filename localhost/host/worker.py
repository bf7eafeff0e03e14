"""Runs the app's functions away from the host's own event loop, as the real host's Python worker does."""

import asyncio
import inspect
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from localhost.host.indexing import IndexedFunction
from localhost.host.logs import in_function


class FunctionTimeoutError(Exception):
    """An invocation took longer than host.json's functionTimeout."""


class Worker:
    """Coroutine functions share one event loop in a thread of its own; plain ones run in a pool of threads.

    Args:
        durable_client: the binding text each durable client parameter receives.
        threads: how many plain functions run at a time; activities get as many threads of their own.
        timeout: seconds an invocation may take; None for no limit.
    """

    def __init__(self, durable_client: str, threads: int, timeout: float | None) -> None:
        self._durable_client = durable_client
        self._timeout = timeout
        self._functions = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._activities = ThreadPoolExecutor(threads, thread_name_prefix="activity")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="coroutines", daemon=True).start()

    async def invoke(self, function: IndexedFunction, argument: Any) -> Any:
        """Call the function with its trigger's value and return what it returns.

        Raises:
            FunctionTimeoutError: functionTimeout passed. Whatever the function itself raises is raised, too.
        """
        arguments: dict[str, Any] = {function.trigger["name"]: argument}
        arguments.update(dict.fromkeys(function.client_names, self._durable_client))
        if function.takes_context:
            arguments["context"] = SimpleNamespace(
                invocation_id=str(uuid.uuid4()), function_name=function.name, function_directory=str(Path.cwd())
            )
        if inspect.iscoroutinefunction(function.code):
            running = asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(_run_coroutine(function, arguments), self._loop)
            )
        else:
            pool = self._activities if function.trigger_type == "activityTrigger" else self._functions
            running = asyncio.get_running_loop().run_in_executor(pool, _run, function, arguments)
        try:
            return await asyncio.wait_for(running, self._timeout)
        except TimeoutError as error:
            if not running.cancelled():
                raise  # the function's own
            raise FunctionTimeoutError(
                f"function {function.name} exceeded host.json's functionTimeout of {self._timeout:g} s"
            ) from error


def _run(function: IndexedFunction, arguments: Mapping[str, Any]) -> Any:
    with in_function(function.name):
        return function.code(**arguments)


async def _run_coroutine(function: IndexedFunction, arguments: Mapping[str, Any]) -> Any:
    with in_function(function.name):
        return await function.code(**arguments)
