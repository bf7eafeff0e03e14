"""An activity that every run needs, tried again on durable timers until it answers. Deterministic: no clock, no I/O.

The worker may die in the middle of it, and the app's storage may refuse for a while: neither may end a run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from datetime import timedelta
from typing import Any

from azure.durable_functions import DurableOrchestrationContext

_log = logging.getLogger(__name__)

SHORTEST, LONGEST = 5, 120  # seconds


def waits(patience: timedelta) -> list[timedelta]:
    """Waits that double from the shortest to the longest and last for about `patience` together."""
    found: list[timedelta] = []
    while (left := (patience - sum(found, timedelta())).total_seconds()) > 0:
        found.append(timedelta(seconds=min(SHORTEST * 2 ** len(found), LONGEST, max(left, SHORTEST))))
    return found


def patiently(
    context: DurableOrchestrationContext,
    activity: str,
    input_: Any,
    between: Sequence[timedelta],
    has_to_wait: Callable[[Any], bool] = lambda _answer: False,
) -> Generator[Any, Any, Any]:
    """Call an activity until it gives an answer that stays.

    Args:
        context: Of the orchestration.
        activity: Its name; it may be carried out more than once.
        input_: Its input.
        between: How long to wait after each failure; after the last one it is tried once more.
        has_to_wait: Whether an answer says that a later try may do better.

    Returns:
        The answer; after the last try, any answer.

    Raises:
        Exception: the last try ended without an answer.
    """
    for wait in between:
        try:
            answer = yield context.call_activity(activity, input_)
            if not has_to_wait(answer):
                return answer
        except Exception:  # the worker has died, or its time was up: the host's log says which
            if not context.is_replaying:
                _log.warning("%s of %s ended without an answer; it is tried again", activity, context.instance_id)
        yield context.create_timer(context.current_utc_datetime + wait)
    return (yield context.call_activity(activity, input_))
