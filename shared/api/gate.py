"""How much of the app one caller may keep busy: a few calls at once, the others wait, and too many are refused."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 4
"""Calls of one caller that are carried out at the same time."""

WAITING = 60
"""Calls of one caller that wait for their turn."""


class TooManyCallsError(Exception):
    """A caller has too many calls waiting; the text says how many."""


class _Turns:
    """The calls of one caller in one event loop."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(AT_ONCE)
        self.calls = 0


_callers: defaultdict[tuple[str, int], _Turns] = defaultdict(_Turns)


@asynccontextmanager
async def turn_of(caller: str) -> AsyncIterator[None]:
    """Wait for the turn of a caller's call.

    Raises:
        TooManyCallsError: so many of the caller's calls wait that this one is refused.
    """
    key = (caller, id(asyncio.get_running_loop()))
    turns = _callers[key]
    if turns.calls >= AT_ONCE + WAITING:
        raise TooManyCallsError(f"{turns.calls} of your calls are being answered; send fewer at once.")
    turns.calls += 1
    try:
        async with turns.turns:
            yield
    finally:
        turns.calls -= 1
        if not turns.calls:
            _callers.pop(key, None)
