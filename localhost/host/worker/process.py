"""The host's side of the worker: starts it, calls its functions, and does when it dies what the real host does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
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

logger = logging.getLogger(__name__)

MAX_DEATHS = 3  # within DEATHS_COUNT_SECONDS; one more, and the host ends itself
DEATHS_COUNT_SECONDS = 1800.0

_ROOT = Path(__file__).resolve().parents[3]
_OF_THE_SYSTEM = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class InvocationError(Exception):
    """The app's function raised; `kind` is the name of the exception's type, the text is its own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.kind = failure.kind
        self.traceback = failure.traceback


class FunctionTimeoutError(Exception):
    """An invocation took longer than host.json's functionTimeout."""


class WorkerExitError(Exception):
    """The worker's process ended while it ran the function."""


@dataclass(frozen=True)
class WorkerOptions:
    """How the worker is run.

    Attributes:
        app_folder: Where `function_app.py` is.
        durable_client: The binding text that each durable client parameter receives.
        timeout: Seconds an invocation may take; None for no limit.
        grace: Seconds that a function over its time still gets before the worker is ended.
        log_level: From which level on the worker logs.
    """

    app_folder: Path
    durable_client: str
    timeout: float | None
    grace: float = 10.0
    log_level: str = "INFO"


class Worker:
    """The worker's process and its successors; lives on the host's event loop.

    Args:
        options: see there.
        give_up: called once when the worker has died too often: the host then ends itself.
    """

    def __init__(self, options: WorkerOptions, give_up: Callable[[], None]) -> None:
        self._options = options
        self._give_up = give_up
        self._process: asyncio.Future[_Process] | None = None
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS + 1)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> tuple[Description, ...]:
        """Start the worker and return the functions that it loaded.

        Raises:
            IndexingError: it refuses the app.
        """
        self._process = asyncio.get_running_loop().create_future()
        process, loaded = await _Process.start(self._options)
        if loaded.problem is not None:
            process.kill()
            raise IndexingError(f"0 functions found: the worker refuses {self._options.app_folder}: {loaded.problem}")
        self._process.set_result(process)
        self._watch = asyncio.get_running_loop().create_task(self._replace_when_dead(process))
        return loaded.functions

    async def invoke(self, function: IndexedFunction, argument: Any) -> Any:
        """Call the function with its trigger's value and return what it returns.

        Raises:
            InvocationError: the function raised.
            FunctionTimeoutError: functionTimeout passed.
            WorkerExitError: the worker died.
        """
        assert self._process is not None, "the worker was not started"
        process = await asyncio.shield(self._process)
        call = Invocation(str(uuid.uuid4()), function.name, argument, self._options.durable_client)
        try:
            outcome = await self._outcome(process, function, process.call(call))
        finally:
            process.forget(call.invocation_id)
        if outcome.failure is not None:
            raise InvocationError(outcome.failure)
        return outcome.value

    async def stop(self) -> None:
        """End the worker, with all that still runs in it."""
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None and self._process.done():
            self._process.result().kill()

    async def _outcome(self, process: _Process, function: IndexedFunction, running: asyncio.Future[Outcome]) -> Outcome:
        timeout = self._options.timeout
        done, _ = await asyncio.wait([running], timeout=timeout)
        if done:
            return running.result()
        logger.error("function %s exceeded its time of %.1f s", function.name, timeout)
        done, _ = await asyncio.wait([running], timeout=self._options.grace)
        if not done:
            # As the real host: with the function all its neighbours end, which learn of it when their own time is over.
            process.end_without_notice()
        raise FunctionTimeoutError(f"Timeout value of {timeout:g} s was exceeded by function: {function.name}")

    async def _replace_when_dead(self, process: _Process) -> None:
        while True:
            code = await process.ended()
            self._process = asyncio.get_running_loop().create_future()
            process.fail_calls(WorkerExitError(f"the language worker exited with code {code}"))
            logger.error("the language worker exited with code %s; a new one is started", code)
            self._deaths.append(time.monotonic())
            if len(self._deaths) > MAX_DEATHS and self._deaths[-1] - self._deaths[0] < DEATHS_COUNT_SECONDS:
                logger.critical("Exceeded language worker restart retry count; the host ends itself")
                self._give_up()
                return
            process, loaded = await _Process.start(self._options)
            if loaded.problem is not None:
                logger.critical("the new worker refuses the app: %s; the host ends itself", loaded.problem)
                self._give_up()
                return
            self._process.set_result(process)


@dataclass(eq=False)
class _Process:
    """One process of the worker and the calls that run in it."""

    popen: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lifeline: int
    calls: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)
    notices: bool = True

    @classmethod
    async def start(cls, options: WorkerOptions) -> tuple[_Process, Loaded]:
        ours, theirs = socket.socketpair()
        end_of_host, lifeline = os.pipe()
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", "localhost.host.worker.main", str(theirs.fileno()), str(end_of_host)],
                env=_placeholder_environment(),
                cwd="/",
                pass_fds=[theirs.fileno(), end_of_host],
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            theirs.close()
            os.close(end_of_host)
        reader, writer = await asyncio.open_connection(sock=ours)
        process = cls(popen, reader, writer, lifeline)
        writer.write(encode(EnvironmentReload(dict(os.environ), options.app_folder, options.log_level)))
        try:
            loaded: Loaded = await read_message(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await asyncio.to_thread(popen.wait)
            loaded = Loaded(problem=f"it ended with code {code} while it loaded the app")
        return process, loaded

    def call(self, invocation: Invocation) -> asyncio.Future[Outcome]:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.calls[invocation.invocation_id] = future
        self.writer.write(encode(invocation))
        return future

    def forget(self, invocation_id: str) -> None:
        self.calls.pop(invocation_id, None)

    async def ended(self) -> int:
        """Hand out what the functions return until the process is gone; gives its exit code, 137 for SIGKILL."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                outcome: Outcome = await read_message(self.reader)
                if (future := self.calls.get(outcome.invocation_id)) and not future.done():
                    future.set_result(outcome)
        self.popen.kill()  # one that closed its channel without ending is of no use
        code = await asyncio.to_thread(self.popen.wait)
        self._close()
        return 128 - code if code < 0 else code

    def fail_calls(self, error: WorkerExitError) -> None:
        for future in self.calls.values():
            if self.notices and not future.done():
                future.set_exception(error)

    def end_without_notice(self) -> None:
        """End the process, without failing what runs in it."""
        self.notices = False
        self.popen.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()
        self._close()

    def _close(self) -> None:
        self.writer.close()
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1


def _placeholder_environment() -> dict[str, str]:
    """What a worker has before it knows its app: the system's variables, and none of the app's settings."""
    given = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(_ROOT)]
    path = os.pathsep.join(str(Path(folder).resolve()) for folder in [str(_ROOT), *given])
    return {name: os.environ[name] for name in _OF_THE_SYSTEM if name in os.environ} | {"PYTHONPATH": path}
