"""Runs what the store says there is to do: episodes, activities and timers.

What this host leaves to itself wakes it at once; what other hosts leave, or have held when they died, it finds by
looking into the store.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

from localhost.host.background import BackgroundTasks, sleep_until
from localhost.host.durable.episode import Outcome, run_episode
from localhost.host.durable.history import Event, EventType, event
from localhost.host.durable.records import Activity, NewWork, Timer
from localhost.host.durable.replay import EpisodeAbortedError
from localhost.host.durable.store import Store, hold_of
from localhost.host.indexing import FunctionApp
from localhost.host.settings import HostConfig
from localhost.host.worker.process import FunctionTimeoutError, InvocationError, Worker, WorkerExitError

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5  # between two looks for what other hosts left
_SUCCESSES = {EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED, EventType.TIMER_FIRED}
_RENEWALS = 4  # in the time of one hold


class Dispatcher:
    """Lives on the host's event loop; all methods are called there.

    One instance runs one episode at a time. Results that arrive meanwhile are taken together by the next one, and a
    result that cannot move the orchestrator (one of many a WhenAll waits for) starts none, so a wide fan-out costs
    a few replays, not one for each activity.
    """

    def __init__(self, store: Store, app: FunctionApp, worker: Worker, config: HostConfig) -> None:
        self._store = store
        self._config = config
        self._app = app
        self._worker = worker
        self._activity_slots = asyncio.Semaphore(config.max_activities)
        self._episode_slots = asyncio.Semaphore(config.max_orchestrators)
        self._episodes = ThreadPoolExecutor(config.max_orchestrators, thread_name_prefix="orchestrator")
        self._running: set[str] = set()
        self._woken: set[str] = set()
        self._waiting_on: dict[str, set[int]] = {}
        self._left_at: dict[str, tuple[str, int]] = {}  # how far an instance was when it began to wait
        self._known: set[Activity | Timer] = set()
        self._tasks = BackgroundTasks()
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Take up everything the store holds."""
        work = self._store.pending_work()
        if work.instances or work.activities or work.timers:
            logger.info(
                "the event store has work: %d instances, %d activities, %d timers",
                len(work.instances), len(work.activities), len(work.timers),
            )  # fmt: skip
        self.take(work)
        self._tasks.spawn(self._look())
        self._tasks.spawn(self._renew())

    def take(self, work: NewWork) -> None:
        """Do this work, each piece as soon as there is a free slot for it."""
        for instance_id in work.instances:
            self.wake(instance_id)
        for activity in work.activities:
            if activity not in self._known:
                self._known.add(activity)
                self._tasks.spawn(self._run_activity(activity))
        for timer in work.timers:
            if timer not in self._known:
                self._known.add(timer)
                self._tasks.spawn(self._wait_for(timer))

    def wake(self, instance_id: str) -> None:
        """Look at an instance: it is new, or something arrived for it."""
        self._waiting_on.pop(instance_id, None)
        if instance_id in self._running:
            self._woken.add(instance_id)
        elif not self._tasks.is_stopping:
            self._running.add(instance_id)
            self._tasks.spawn(self._run_episodes(instance_id))

    async def stop(self, grace: float) -> None:
        """Start nothing more and wait up to `grace` seconds for what runs; the store keeps the rest."""
        late = await self._tasks.stop(grace)
        if late:
            logger.warning("%d activities still ran after %.0f s; they run again after a start", late, grace)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            work = self._store.pending_work()
            ready = [instance_id for instance_id in work.instances if self._can_go_on(instance_id)]
            self.take(NewWork(ready, work.activities, work.timers))

    def _can_go_on(self, instance_id: str) -> bool:
        """Whether what arrived, here or by way of other hosts, lets an instance do anything new."""
        if instance_id in self._running:
            return False
        waiting_on = self._waiting_on.get(instance_id)
        if not waiting_on or self._left_at.get(instance_id) != self._store.progress(instance_id):
            return True  # also if another host has continued it: it may wait for something else since
        events = [message.event for message in self._store.messages(instance_id)]
        done = {event_.get("TaskScheduledId", event_.get("TimerId")) for event_ in events}
        return bool({event_["EventType"] for event_ in events} - _SUCCESSES) or not waiting_on - done

    async def _renew(self) -> None:
        while True:
            hold = min(self._config.activity_hold_seconds, self._config.instance_hold_seconds)
            await asyncio.sleep(hold / _RENEWALS)
            self._store.holds.renew()

    async def _run_episodes(self, instance_id: str) -> None:
        try:
            while not self._tasks.is_stopping:
                # What arrives during an episode may have come too late for it, so it always starts another one.
                self._woken.discard(instance_id)
                self._waiting_on.pop(instance_id, None)
                async with self._episode_slots:
                    with self._tasks.busy():
                        outcome = await self._episode(instance_id)
                if outcome is not None:
                    if outcome.waiting_on:
                        self._waiting_on[instance_id] = set(outcome.waiting_on)
                        self._left_at[instance_id] = outcome.progress
                    self.take(outcome.work)
                if instance_id not in self._woken:
                    return
        except Exception:
            logger.exception("the episode of orchestration %s broke off; it is tried again after a start", instance_id)
        finally:
            self._running.discard(instance_id)

    async def _episode(self, instance_id: str) -> Outcome | None:
        hold = hold_of(instance_id)
        if not self._store.holds.claim(hold, self._config.instance_hold_seconds):
            return None
        arguments = (self._store, self._orchestrator, instance_id)
        try:
            while True:
                try:
                    return await self._loop.run_in_executor(self._episodes, run_episode, *arguments)
                except EpisodeAbortedError as error:
                    logger.warning("the episode of orchestration %s is run again: %s", instance_id, error)
        finally:
            self._store.holds.release(hold)

    def _orchestrator(self, name: str) -> Callable[[str], str] | None:
        """The orchestrator of that name, to be called in an episode's thread; None if the app has none."""
        function = self._app.find(name, "orchestrationTrigger")
        if function is None:
            return None

        def call(context: str) -> str:
            invocation = self._worker.invoke(function, context)
            try:
                return str(asyncio.run_coroutine_threadsafe(invocation, self._loop).result())
            except (WorkerExitError, FunctionTimeoutError, CancelledError) as error:
                raise EpisodeAbortedError(str(error)) from error

        return call

    async def _run_activity(self, activity: Activity) -> None:
        async with self._activity_slots:
            with self._tasks.busy():
                if not self._store.claim(activity, self._config.activity_hold_seconds):
                    self._known.discard(activity)
                    return
                result = await self._result_of(activity)
                self._store.complete(activity, result)
        self._known.discard(activity)
        self._arrived(activity, succeeded=result["EventType"] == EventType.TASK_COMPLETED)

    async def _wait_for(self, timer: Timer) -> None:
        await sleep_until(timer.fire_at)
        fired = self._store.fire(timer)
        self._known.discard(timer)
        if fired:
            self._arrived(timer, succeeded=True)

    def _arrived(self, work: Activity | Timer, *, succeeded: bool) -> None:
        waiting_on = self._waiting_on.get(work.instance_id, set())
        if succeeded and work.task_id in waiting_on and len(waiting_on) > 1:
            waiting_on.discard(work.task_id)
        else:
            self.wake(work.instance_id)

    async def _result_of(self, activity: Activity) -> Event:
        function = self._app.find(activity.name, "activityTrigger")
        if function is None:
            reason = f"Activity function '{activity.name}' does not exist."
            return event(EventType.TASK_FAILED, TaskScheduledId=activity.task_id, Reason=reason, Details=reason)
        began = time.perf_counter()
        place = (activity.instance_id, activity.task_id)
        try:
            result = await self._worker.invoke(function, activity.input)
        except InvocationError as error:
            logger.error("activity %s failed (%s, task %d):\n%s", activity.name, *place, error.traceback)  # noqa: TRY400
            return _failed(activity, f"{error.kind}: {error}", error.kind)
        except Exception as error:
            logger.exception("activity %s failed (%s, task %d)", activity.name, *place)
            return _failed(activity, f"{type(error).__name__}: {error}", type(error).__name__)
        seconds = time.perf_counter() - began
        logger.info("activity %s succeeded in %.3f s (%s, task %d)", activity.name, seconds, *place)
        return event(EventType.TASK_COMPLETED, TaskScheduledId=activity.task_id, Result=result)


def _failed(activity: Activity, why: str, details: str) -> Event:
    reason = f"Activity function '{activity.name}' failed: {why}"
    return event(EventType.TASK_FAILED, TaskScheduledId=activity.task_id, Reason=reason, Details=details)
