"""What a host takes up again, of instances that another host may have continued meanwhile."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions.orchestrator import Orchestrator

from localhost.host.durable.dispatcher import Dispatcher
from localhost.host.durable.history import EventType, event
from localhost.host.durable.records import Activity
from localhost.host.durable.store import Store
from localhost.host.indexing import FunctionApp
from localhost.host.settings import HostConfig
from localhost.host.worker.process import Worker
from tests.unit.localhost_host.scripts import Steps


def lanes(context: Context) -> Steps:
    done = yield context.task_all([context.call_activity("lane", number) for number in range(2)])
    return (yield context.call_activity("finish", done))


class TheApp:
    """An app of one orchestrator, and its worker, which runs it."""

    _handle: Callable[[str], str] = Orchestrator.create(lanes)

    def find(self, name: str, trigger: str) -> str | None:
        return "lanes" if (name, trigger) == ("lanes", "orchestrationTrigger") else None

    async def invoke(self, _function: str, context: str) -> str:
        return TheApp._handle(context)


class Host:
    """One of several hosts with one store, which runs nothing by itself."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        app, worker = cast(FunctionApp, TheApp()), cast(Worker, TheApp())
        self.dispatcher = Dispatcher(self.store, app, worker, HostConfig())

    async def continues(self) -> None:
        """Run the episodes of the instance, and none of its activities."""
        with patch.object(self.dispatcher, "take"):
            await self.dispatcher._run_episodes("run-1")

    def completes(self, task_id: int) -> None:
        (activity,) = [one for one in self.store.pending_work().activities if one.task_id == task_id]
        self.store.complete(activity, _completed(activity))


def _completed(activity: Activity) -> dict[str, Any]:
    return event(EventType.TASK_COMPLETED, TaskScheduledId=activity.task_id, Result=json.dumps("done"))


async def test_an_instance_that_another_host_has_continued_waits_for_what_that_one_asked_for(tmp_path: Path) -> None:
    frozen, other = Host(tmp_path / "hub.db"), Host(tmp_path / "hub.db")
    frozen.store.create("run-1", "lanes", None)
    await frozen.continues()
    frozen.completes(0)
    assert not frozen.dispatcher._can_go_on("run-1")  # the other lane is missing
    other.completes(1)
    await other.continues()
    other.completes(2)  # and it ends before it has looked at that
    assert frozen.dispatcher._can_go_on("run-1")
