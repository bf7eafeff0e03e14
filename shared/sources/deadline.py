"""A limit for calls that have none of their own, such as connecting to a server that accepts and then says nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from shared.errors.hierarchy import TransientError

Result = TypeVar("Result")
_GRACE = 2.0  # seconds for the driver's own limit to speak first: it knows more


def connect_within(seconds: float, place: str, connect: Callable[[], Result]) -> Result:
    """What `connect` returns, or an error when it takes longer; a call that hangs is left behind in its thread.

    Raises:
        TransientError: `connect` did not return in time.
        BaseException: whatever `connect` raised.
    """
    answers: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((connect(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, name="connect", daemon=True).start()
    try:
        result, error = answers.get(timeout=seconds + _GRACE)
    except Empty:
        raise TransientError(
            f"{place} did not answer within {seconds:g} s of connect_timeout: check host and port, whether a server of "
            "this kind listens there, and the firewall between."
        ) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # without an error it is what connect returned
