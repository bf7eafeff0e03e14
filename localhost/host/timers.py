"""Timer triggers: NCRONTAB schedules, one run of a function at a time."""

import asyncio
import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from localhost.host.background import BackgroundTasks, sleep_until
from localhost.host.errors import IndexingError
from localhost.host.indexing import IndexedFunction
from localhost.host.ncrontab import Schedule
from localhost.host.trigger_state import TriggerState
from localhost.host.worker.process import Worker

logger = logging.getLogger(__name__)

_DAYS = r"(?P<days>\d{1,5})"
_CLOCK = r"(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]?\d)(?::(?P<seconds>[0-5]?\d))?"
# As .NET reads them: [days.]hours:minutes[:seconds], days:hours:minutes where these are no hours of a day, or days.
_SPANS = (rf"(?:{_DAYS}\.)?{_CLOCK}", rf"{_DAYS}:{_CLOCK}", _DAYS)
_NEVER = datetime.max.replace(tzinfo=UTC)


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
    """The first moment after `after` that matches, in UTC; the end of time if none does.

    Args:
        schedule: `{second} {minute} {hour} {day} {month} {day of week}`, without the second it is 0; or a span of time
            such as `01:00:00`.
        after: in UTC.
        zone: whose clock the fields mean.

    Raises:
        ValueError: the schedule is neither.
    """
    if (span := _span(schedule)) is not None:
        return after + span
    parsed, local = Schedule.parse(schedule), after.astimezone(zone).replace(tzinfo=None)
    while moment := parsed.after(local):
        if (in_utc := moment.replace(tzinfo=zone).astimezone(UTC)) > after:  # not so when the clock is set back
            return in_utc
        local = moment
    return _NEVER


def _span(schedule: str) -> timedelta | None:
    for pattern in _SPANS:
        if found := re.fullmatch(pattern, schedule.strip()):
            return timedelta(**{unit: int(text) for unit, text in found.groupdict().items() if text}) or None
    return None


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
