"""People: they upload, start, cancel and retry through the app, and terminate, suspend and restart beside it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.api.queries import JobsQuery, RunQuery, RunsQuery
from shared.api.routes.jobs import list_jobs
from shared.api.routes.run_description import describe_run
from shared.api.routes.runs import RunBody, cancel_run, list_runs, retry_run, start_requested_run
from shared.housekeeping.tick import tidy_up
from tests.simulation.durable.engine import ConflictError
from tests.simulation.kernel import Task

if TYPE_CHECKING:
    from tests.simulation.durable.engine import Instance
    from tests.simulation.world import World

SEEN_WITHIN = 1500.0  # seconds; nothing is purged before the watch saw it


class Operator:
    """Does one thing at a time, whatever the dice say.

    Args:
        world: Where.
    """

    def __init__(self, world: World) -> None:
        self._world, self._random = world, world.random
        self._suspended_at: dict[str, float] = {}  # by run
        self._actions: tuple[Callable[[], None], ...] = (
            self.start,
            self.start,
            self.full_refresh,
            self.cancel,
            self.retry,
            self.look,
            self.terminate,
            self.suspend,
            self.restart,
            self.purge,
            self.upload,
            self.upload_requests,
            self.upload_broken,
            self.tidy,
        )

    def act(self) -> None:
        """Do something."""
        self._random.choice(self._actions)()

    def start(self, **body: Any) -> None:
        """Start a run, now and then twice under one id."""
        run_id = f"manual-{self._random.randint(1, 9)}"
        for _ in range(self._random.choice((1, 1, 2))):
            wanted = RunBody(run_id=run_id, **body)
            self._ask_for_run(f"start {run_id}", partial(start_requested_run, self._client, wanted))

    def full_refresh(self) -> None:
        self.start(full_refresh=True, job_ids=[self._random.choice(self._world.jobs).job_id])

    def cancel(self) -> None:
        for one in self._some_run():
            task = self._ask(f"cancel {one.instance_id}", partial(cancel_run, self._client, one.instance_id))
            if task:
                task.on_end = partial(self._cancelled, task, one.instance_id, self._world.kernel.now)

    def retry(self) -> None:
        for one in self._some_run():
            self._ask_for_run(f"retry {one.instance_id}", partial(retry_run, self._client, one.instance_id))

    def look(self) -> None:
        """What a dashboard asks."""
        self._ask("list runs", lambda: list_runs(self._client, RunsQuery()))
        self._ask("list jobs", lambda: list_jobs(self._client, JobsQuery()))
        for one in self._some_run():
            self._ask(f"describe {one.instance_id}", partial(describe_run, self._client, one.instance_id, RunQuery()))

    def terminate(self) -> None:
        for one in self._some_instance(is_active=True):
            self._world.note(f"operator terminates {one.instance_id}")
            self._world.engine.terminate(one.instance_id, "by an operator")

    def suspend(self) -> None:
        """And think better of it after a while."""
        for one in self._some_instance(is_active=True):
            self._world.note(f"operator suspends {one.instance_id}")
            self._world.engine.suspend(one.instance_id)
            run_id = one.instance_id.partition(":lane-")[0]
            self._suspended_at[run_id] = self._world.kernel.now
            self._world.cancelled.discard(run_id)
            seconds = self._random.choice((30.0, 600.0, 2400.0))
            self._world.kernel.call_in(seconds, partial(self._resume, one.instance_id))

    def restart(self) -> None:
        for one in self._some_instance(is_active=False):
            new_id = f"restarted-{self._random.randint(1, 10**6)}"
            self._world.note(f"operator restarts {one.instance_id} as {new_id}")
            try:
                self._world.engine.restart(one.instance_id, new_id)
            except ConflictError:
                return

    def purge(self) -> None:
        for one in self._some_instance(is_active=False):
            if one.updated and self._world.kernel.now - one.updated.timestamp() < SEEN_WITHIN:
                continue
            self._world.note(f"operator purges {one.instance_id}")
            self._world.engine.purge(one.instance_id)

    def upload(self) -> None:
        self._world.upload(requests=0)

    def upload_requests(self) -> None:
        self._world.upload(requests=self._random.randint(1, 2))

    def upload_broken(self) -> None:
        self._world.upload(requests=0, is_broken=True)

    def tidy(self) -> None:
        """The housekeeping has its tick; nothing is old, and nothing that is needed may go."""
        self._ask("housekeeping", partial(tidy_up, self._client))

    @property
    def _client(self) -> Any:
        return self._world.client

    def _ask(self, what: str, function: Callable[[], Coroutine[Any, Any, Any]]) -> Task | None:
        self._world.note(f"operator: {what}")
        return self._world.hosts.invoke(f"http {what}", function)

    def _ask_for_run(self, what: str, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        task = self._ask(what, function)
        if task:
            task.on_end = partial(self._accepted, task)

    def _resume(self, instance_id: str) -> None:
        run_id = instance_id.partition(":lane-")[0]
        if instance_id in self._world.engine.instances and run_id not in self._world.cancelled:
            self._world.engine.resume(instance_id)

    def _accepted(self, task: Task) -> None:
        """A run that was accepted has to be recorded, and no other call may have been promised it."""
        if task.error is None and task.result is not None:
            run_id = task.result.run_id
            if run_id in self._world.accepted:
                self._world.violate(f"run {run_id} was accepted twice")
            self._world.accepted.add(run_id)

    def _cancelled(self, task: Task, run_id: str, since: float) -> None:
        """A run whose cancel was accepted ends, without further help if nobody has suspended it since."""
        if task.error is None and self._suspended_at.get(run_id, 0.0) < since:
            self._world.cancelled.add(run_id)

    def _some_run(self) -> list[Instance]:
        runs = [one for one in self._world.engine.instances.values() if one.name == "ingestion_run"]
        return [self._random.choice(runs)] if runs else []

    def _some_instance(self, is_active: bool) -> list[Instance]:
        found = [one for one in self._world.engine.instances.values() if one.is_active is is_active]
        return [self._random.choice(found)] if found else []
