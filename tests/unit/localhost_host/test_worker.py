"""How the worker invokes an app's functions."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from localhost.host.indexing import IndexedFunction
from localhost.host.worker import FunctionTimeoutError, Worker


def function(code: Callable[..., Any]) -> Any:
    return IndexedFunction(
        name="f", code=code, trigger={"type": "activityTrigger", "name": "value"}, client_names=(), takes_context=False
    )


@pytest.fixture(scope="module")
def worker() -> Any:
    return Worker(durable_client="{}", threads=1, timeout=60)


async def test_plain_and_coroutine_functions_return_what_they_return(worker: Worker) -> Any:
    async def coroutine(value: Any) -> Any:
        await asyncio.sleep(0)
        return value + 1

    assert await worker.invoke(function(lambda value: value + 1), 1) == 2
    assert await worker.invoke(function(coroutine), 2) == 3


async def test_an_invocation_over_the_function_timeout_fails_by_name() -> None:
    over, hasty = threading.Event(), Worker(durable_client="{}", threads=1, timeout=0.05)
    with pytest.raises(FunctionTimeoutError, match=r"function f exceeded host.json's functionTimeout of 0.05 s"):
        await hasty.invoke(function(lambda value: over.wait(60)), 1)
    over.set()


async def test_a_timeout_of_the_function_s_own_is_not_the_host_s(worker: Worker) -> None:
    async def impatient(value: Any) -> None:
        raise TimeoutError("the function's own")

    with pytest.raises(asyncio.TimeoutError, match="the function's own"):
        await worker.invoke(function(impatient), 1)
