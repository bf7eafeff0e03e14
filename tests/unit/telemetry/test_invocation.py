"""Log records of threads belong to the invocation whose work they do."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shared.telemetry.invocation import carried, in_thread, invocation

ROOT = Path(__file__).parents[3]
LEAVES_THE_LOOP = re.compile(r"\bto_thread\(|\brun_in_executor\(")


class Context:
    """What the worker hands a function: an id, and the storage in which it looks for that of a thread."""

    def __init__(self, invocation_id: str, storage: threading.local) -> None:
        self.invocation_id = invocation_id
        self.thread_local_storage = storage


@pytest.fixture
def storage() -> Any:
    return threading.local()


async def test_a_thread_writes_as_the_invocation_that_waits_for_it(storage: Any) -> None:
    async def one(name: str) -> str:
        with invocation(Context(name, storage)):  # type: ignore[arg-type]
            await asyncio.sleep(0)
            return await in_thread(lambda: str(storage.invocation_id))

    assert await asyncio.gather(*map(one, "abcdef")) == list("abcdef")


async def test_arguments_results_and_errors_pass_through() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


def test_a_thread_of_a_pool_forgets_the_invocation_with_its_work(storage: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        with invocation(Context("first", storage)):  # type: ignore[arg-type]
            seen = carried(lambda: storage.invocation_id)
        assert pool.submit(seen).result() == "first"
        assert pool.submit(lambda: storage.invocation_id).result() is None


def test_whatever_leaves_the_event_loop_takes_the_invocation_along() -> None:
    sources = [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py"), *(ROOT / "activities").rglob("*.py")]
    calls = [line for path in sources for line in path.read_text("utf-8").splitlines() if LEAVES_THE_LOOP.search(line)]
    assert len(calls) >= 3
    assert [line for line in calls if "carried(" not in line] == []
