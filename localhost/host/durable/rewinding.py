"""What is left of a failed instance's history when it is rewound: its failures are undone and tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localhost.host.durable.history import Event, EventType


@dataclass(frozen=True)
class Rewound:
    """The events that stay, and the task ids of the children that have to be rewound, too."""

    events: list[Event]
    children: frozenset[int]


def rewound(history: Sequence[Event]) -> Rewound:
    """Take the failures out: of an activity also that it was scheduled; a child was, and goes on by itself."""

    def failed(kind: EventType) -> frozenset[int]:
        return frozenset(item["TaskScheduledId"] for item in history if item["EventType"] == kind)

    activities, children = failed(EventType.TASK_FAILED), failed(EventType.SUB_ORCHESTRATION_FAILED)
    failures = (EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED, EventType.EXECUTION_FAILED)
    kept = [
        item
        for item in history
        if item["EventType"] not in failures
        and not (item["EventType"] == EventType.TASK_SCHEDULED and item["EventId"] in activities)
    ]
    return Rewound(kept, children)
