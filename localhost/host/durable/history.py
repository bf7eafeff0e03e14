"""History events in the shape the Durable extension hands to an out-of-process SDK."""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

Event = dict[str, Any]

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class EventType(IntEnum):
    """The event numbers of the protocol; the ones this host does not write are left out."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_RAISED = 15

    @property
    def public_name(self) -> str:
        """The name the status API shows, e.g. `TaskCompleted`."""
        return self.name.title().replace("_", "")


class Status(StrEnum):
    """Runtime status of an orchestration instance, as the SDK spells it."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"

    @property
    def is_active(self) -> bool:
        """Whether the instance may still continue."""
        return self in (Status.PENDING, Status.RUNNING, Status.SUSPENDED)


def timestamp(moment: datetime | None = None) -> str:
    """`moment` (UTC; now by default) as text that sorts like time."""
    return (moment or datetime.now(UTC)).strftime(_FORMAT)


def parse_timestamp(text: str) -> datetime:
    """The moment that `timestamp()`, or the SDK, wrote."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def event(event_type: EventType, event_id: int = -1, **fields: Any) -> Event:
    """A new event, stamped now; `event_id` is the task id if the event schedules a task."""
    return {
        "EventType": int(event_type),
        "EventId": event_id,
        "IsPlayed": False,
        "Timestamp": timestamp(),
        **fields,
    }
