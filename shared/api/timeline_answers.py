"""What the route of a run's timeline answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.api.answers import Answer

PRICE = "Instance seconds by the setting INSTANCE_HOUR_PRICE; null without it."


class TimelineSpan(Answer):
    """What one job did for a while."""

    job_id: str
    lane: int = Field(description="Jobs of one lane run one after another; numbered from 0.")
    attempt: int
    what: Literal["waiting", "starting", "reading", "writing", "trying"] = Field(
        description="waiting: for its lane, a slot of its source or its next attempt; starting: a process and its "
        "connections; reading: from the source; writing: to the lake; trying: an attempt that another one followed."
    )
    start_time: datetime
    end_time: datetime


class JobCost(Answer):
    """What one job of a run took."""

    job_id: str
    instance_seconds: float
    price: float | None = Field(description=PRICE)


class RunTimeline(Answer):
    """What ran when in a run, and what that took."""

    run_id: str
    start_time: datetime | None
    end_time: datetime | None = Field(description="Null while the run is active.")
    spans: list[TimelineSpan] = Field(description="By lane and time.")
    instance_seconds: float
    price: float | None = Field(description=PRICE)
    currency: str
    jobs: list[JobCost]
