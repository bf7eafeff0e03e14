"""The Durable client that the app's functions get, over the engine in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.durable_functions import OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from tests.simulation.durable.engine import ConflictError, Engine, Instance

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Client:
    """As much of `DurableOrchestrationClient` as the app uses.

    Args:
        engine: The task hub.
        send: By which its requests go to the extension.
    """

    def __init__(self, engine: Engine, send: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._engine, self._send = engine, send
        self._orchestration_bindings = SimpleNamespace(rpc_base_url="http://extension/")

    async def start_new(self, name: str, instance_id: str, client_input: Any) -> str:
        text = json.dumps(client_input)
        try:
            self._send(f"start {name} {instance_id}", lambda: self._engine.start(name, text, instance_id))
        except ConflictError as error:
            raise Exception(str(error)) from None  # noqa: TRY002  as the SDK does
        return instance_id

    async def get_status(self, instance_id: str, show_input: bool = False) -> DurableOrchestrationStatus:
        def act() -> DurableOrchestrationStatus:
            instance = self._engine.instances.get(instance_id)
            return _status(instance, show_input) if instance else DurableOrchestrationStatus.from_json("not found")

        return self._send(f"status of {instance_id}", act)

    async def raise_event(self, instance_id: str, event_name: str, event_data: Any = None) -> None:
        def act() -> None:
            instance = self._engine.instances.get(instance_id)
            if instance is None or not instance.is_active:
                raise Exception(f"instance {instance_id} is gone")  # noqa: TRY002  as the SDK does
            self._engine.raise_event(instance_id, event_name)

        self._send(f"event {event_name} for {instance_id}", act)

    async def resume(self, instance_id: str, reason: str) -> None:
        self._send(f"resume {instance_id}", lambda: self._engine.resume(instance_id))

    async def purge_instance_history_by(
        self, created_time_from: datetime, created_time_to: datetime, runtime_status: Sequence[Any]
    ) -> Any:
        wanted = {status.value for status in runtime_status}

        def act() -> int:
            old = [
                instance.instance_id
                for instance in self._engine.instances.values()
                if created_time_from <= instance.created < created_time_to and instance.status in wanted
            ]
            return sum(self._engine.purge(instance_id) for instance_id in old)

        return SimpleNamespace(instances_deleted=self._send("purge", act))


@dataclass(frozen=True)
class Answer:
    """The extension's answer to a query of instances."""

    items: list[dict[str, Any]]

    @property
    def headers(self) -> dict[str, str]:
        return {}

    def raise_for_status(self) -> None:
        """Nothing: an error was raised where the request was sent."""

    def json(self) -> list[dict[str, Any]]:
        return self.items


def query(engine: Engine, url: str) -> Answer:
    """What the extension answers to a query of instances."""
    asked = parse_qs(urlsplit(url).query)
    statuses = asked["runtimeStatus"][0].split(",")
    since = asked.get("createdTimeFrom", [""])[0]
    return Answer(
        [
            _as_json(instance)
            for instance in sorted(engine.instances.values(), key=lambda one: one.instance_id)
            if instance.status in statuses and instance.created.strftime(_FORMAT) >= since
        ]
    )


def _as_json(instance: Instance) -> dict[str, Any]:
    return {"name": instance.name, "instanceId": instance.instance_id, "runtimeStatus": instance.status}


def _status(instance: Instance, show_input: bool) -> DurableOrchestrationStatus:
    status = DurableOrchestrationStatus(
        name=instance.name,
        instanceId=instance.instance_id,
        runtimeStatus=OrchestrationRuntimeStatus(instance.status),
        input=json.loads(instance.input) if show_input else None,
        output=json.loads(instance.output) if instance.status == "Completed" else instance.output,
        customStatus=instance.custom_status,
    )
    status._created_time, status._last_updated_time = instance.created, instance.updated
    return status
