"""Timer triggers: NCRONTAB schedules, one run of a function at a time."""

import asyncio
import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from croniter import croniter

from localhost.host.background import BackgroundTasks, sleep_until
from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


def time_zone(environment: Mapping[str, str]) -> tzinfo:
    """The zone whose clock the schedules mean: WEBSITE_TIME_ZONE or TZ, UTC without one or if its name is unknown."""
    for name in ("WEBSITE_TIME_ZONE", "TZ"):
        if zone := environment.get(name):
            try:
                return ZoneInfo(zone.removeprefix(":"))
            except (KeyError, ValueError, OSError):
                logger.warning("%s names no time zone; timers follow UTC", name)
    return UTC


def next_occurrence(schedule: str, after: datetime, zone: tzinfo = UTC) -> datetime:
    """The first moment after `after` that matches, in UTC.

    Args:
        schedule: `{second} {minute} {hour} {day} {month} {day of week}`, without the second it is 0; or a span of time
            such as `01:00:00`.
        after: in UTC.
        zone: whose clock the fields mean.

    Raises:
        ValueError: the schedule is neither.
    """
    if span := _SPAN.fullmatch(schedule.strip()):
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        return after + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    fields = schedule.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"schedule {schedule!r} has {len(fields)} fields; expected 6 (or 5 without the second)")
    # A day must match both of its fields, as in NCRONTAB; plain cron takes either.
    local = after.astimezone(zone).replace(tzinfo=None)
    moments = croniter(schedule, local, ret_type=datetime, day_or=False, second_at_beginning=len(fields) == 6)
    while True:
        moment: datetime = moments.get_next()
        if (in_utc := moment.replace(tzinfo=zone).astimezone(UTC)) > after:  # not so when the clock is set back
            return in_utc


class TimerListener:
    """Runs the timer functions; lives on the host's event loop."""

    def __init__(self, functions: list[IndexedFunction], worker: Worker, state: TriggerState) -> None:
        self._functions = functions
        self._worker = worker
        self._state = state
        self._zone = time_zone(os.environ)
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
        now = datetime.now(UTC)
        missed = self._state.next_occurrence(function.name) if trigger.get("useMonitor", True) else None
        is_past_due = missed is not None and missed < now and self._state.claim_tick(function.name, missed)
        if is_past_due or trigger.get("runOnStartup"):
            await self._run(function, past_due=is_past_due)
        while True:
            due = next_occurrence(trigger["schedule"], datetime.now(UTC), self._zone)
            self._state.expect(function.name, due)
            await sleep_until(due)
            if self._state.claim_tick(function.name, due):  # of several hosts one fires
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
        next_occurrence(function.trigger["schedule"], datetime.now(UTC))
    except ValueError as error:
        raise IndexingError(f"function {function.name}: {error}") from error
