"""Blocking work beside the event loop, whose log records still belong to the invocation that asked for it.

The worker attributes a record to an invocation by the task or the thread that writes it. A thread of
`asyncio.to_thread` has no invocation, and the host drops its records: a refused workbook would be silent. The SDK's way
out is the context's `thread_local_storage`:
https://learn.microsoft.com/azure/azure-functions/functions-reference-python#log-from-created-threads
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import azure.functions as func

_P = ParamSpec("_P")
_R = TypeVar("_R")
_context: ContextVar[func.Context | None] = ContextVar("invocation_context", default=None)


@contextmanager
def invocation(context: func.Context) -> Iterator[None]:
    """Remember the invocation that this task carries out, for `in_thread`."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


async def in_thread(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a blocking function in a thread and return what it returns; see the module's docstring."""
    return await asyncio.to_thread(carried(function), *args, **kwargs)


def carried(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, writing its log records as part of this task's invocation in any thread."""
    context = _context.get()
    if context is None:
        return function

    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        storage: Any = context.thread_local_storage
        storage.invocation_id = context.invocation_id
        try:
            return function(*args, **kwargs)
        finally:
            storage.invocation_id = None  # the thread goes back to its pool

    return call
