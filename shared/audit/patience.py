"""Calls to the app's own storage that are worth waiting for: what has happened must not be lost over a busy minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from shared.errors import faults

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 0.5, 15.0  # seconds between two tries

T = TypeVar("T")


def patiently(call: Callable[[], T], what: str, seconds: float) -> T:
    """Make a call until storage answers, for some time.

    Args:
        call: May be made more than once.
        what: Names the call in the log.
        seconds: How long to keep trying; one last try follows.

    Raises:
        Exception: that of the last try, or at once one that a later try does not change.
    """
    deadline = time.monotonic() + seconds
    wait = SHORTEST
    while True:
        try:
            return call()
        except Exception as error:
            explained = faults.explain(error)
            left = deadline - time.monotonic()
            if explained is None or not explained.retryable or left <= 0:
                raise
            log.warning("%s: %s Trying again in %.0f s, for %.0f s more.", what, explained, wait, left)
        time.sleep(max(0.0, min(wait, left)))
        wait = min(wait * 2, LONGEST)
