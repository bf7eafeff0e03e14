"""Timer triggers: NCRONTAB schedules in UTC, one run of a function at a time."""

import asyncio
import logging
from datetime import datetime, timezone

from croniter import croniter

from localhost.host.background import BackgroundTasks, sleep_until
from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)


def next_occurrence(schedule: str, after: datetime) -> datetime:
    """The first moment after `after` (UTC) that matches.

    Args:
        schedule: `{second} {minute} {hour} {day} {month} {day of week}`; without the second it is 0.
        after: In UTC.

    Raises:
        ValueError: the schedule is not such an expression.
    """
    fields = schedule.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"schedule {schedule!r} has {len(fields)} fields; expected 6 (or 5 without the second)")
    # A day must match both of its fields, as in NCRONTAB; plain cron takes either.
    moments = croniter(schedule, after, ret_type=datetime, day_or=False, second_at_beginning=len(fields) == 6)
    moment: datetime = moments.get_next()
    return moment


class TimerListener:
    """Runs the timer functions; lives on the host's event loop."""

    def __init__(self, functions: list[IndexedFunction], worker: Worker, state: TriggerState) -> None:
        self._functions = functions
        self._worker = worker
        self._state = state
        self._locks = {function.name: asyncio.Lock() for function in functions}
        self._tasks = BackgroundTasks()

    def start(self) -> None:
        """Begin to wait; a run that was missed while no host ran is made up for once, as past due."""
        for function in self._functions:
            self._tasks.spawn(self._follow(function))

    def fire(self, function: IndexedFunction) -> None:
        """Run a timer function out of turn, after its run in progress, if there is one."""
        self._tasks.spawn(self._run(function, past_due=False))

    async def stop(self, grace: float) -> None:
        """Fire nothing more and wait up to `grace` seconds for the functions that run."""
        await self._tasks.stop(grace)

    async def _follow(self, function: IndexedFunction) -> None:
        trigger = function.trigger
        now = datetime.now(timezone.utc)
        missed = self._state.next_occurrence(function.name) if trigger.get("useMonitor", True) else None
        if trigger.get("runOnStartup") or (missed is not None and missed < now):
            await self._run(function, past_due=missed is not None and missed < now)
        while True:
            due = next_occurrence(trigger["schedule"], datetime.now(timezone.utc))
            self._state.expect(function.name, due)
            await sleep_until(due)
            await self._run(function, past_due=False)

    async def _run(self, function: IndexedFunction, *, past_due: bool) -> None:
        async with self._locks[function.name]:
            with self._tasks.busy():
                logger.info("timer %s fires%s", function.name, ", past due" if past_due else "")
                try:
                    await self._worker.invoke(function, {"past_due": past_due})
                except Exception:
                    logger.exception("timer %s failed", function.name)


def check_timer(function: IndexedFunction) -> None:
    """Raises IndexingError when the function's schedule cannot be read."""
    try:
        next_occurrence(function.trigger["schedule"], datetime.now(timezone.utc))
    except ValueError as error:
        raise IndexingError(f"function {function.name}: {error}") from error
