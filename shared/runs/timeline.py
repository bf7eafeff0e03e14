"""Where the time of a run went: what ran when, on which lane, and what each job cost; pure.

An attempt occupies one of the slots that an instance has for loads. So the run needed, at each moment, as many
instances as its attempts fill, and each attempt bears an equal share of them. Other runs are left out of account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.audit.table import RUNNING
from shared.models.run import WAITING

What = Literal["waiting", "starting", "reading", "writing", "trying"]

_WRITES = ("normalize", "load")
_WAITS_FOR_A_SLOT = "waiting for a slot"


@dataclass(frozen=True)
class Span:
    """What one job did for a while.

    Args:
        job_id: The job.
        lane: The number of its lane, from 0.
        attempt: Which attempt; while it waits, the next one.
        what: `waiting` for the lane, a slot or the next attempt; `starting` a process and its connections; `reading`
            from the source; `writing` to the lake; `trying` is an attempt that another one followed.
        start_time: Its begin, UTC.
        end_time: Its end, or now.
    """

    job_id: str
    lane: int
    attempt: int
    what: What
    start_time: datetime
    end_time: datetime


def timeline(jobs: Sequence[Mapping[str, Any]], began: datetime, now: datetime) -> list[Span]:
    """What the jobs of a run did, lane by lane in the order of time.

    Args:
        jobs: Their rows; those that wait say so.
        began: When the run was requested, UTC.
        now: The end of what has not ended.
    """
    known = [
        job for job in jobs if isinstance(job.get("start_time"), datetime) and job.get("error_kind") != "quiet_hours"
    ]
    lanes = _lanes(known)
    spans = [span for job in known for span in _of_job(job, lanes[job["job_id"]], began, now)]
    return sorted(spans, key=lambda span: (span.lane, span.start_time, span.job_id))


def instance_seconds(spans: Iterable[Span], slots: int) -> dict[str, float]:
    """The seconds of instances that each job took, by its id; a job that only waited takes none.

    Args:
        spans: The timeline.
        slots: How many attempts an instance runs at once.
    """
    events = defaultdict[datetime, list[tuple[int, str]]](list)
    for span in spans:
        if span.what != "waiting" and span.end_time > span.start_time:
            events[span.start_time].append((1, span.job_id))
            events[span.end_time].append((-1, span.job_id))
    seconds: dict[str, float] = defaultdict(float)
    running: dict[str, int] = defaultdict(int)
    before: datetime | None = None
    for at in sorted(events):
        busy = {job_id: count for job_id, count in running.items() if count}
        total = sum(busy.values())
        if before and total:
            share = -(-total // slots) / total * (at - before).total_seconds()
            for job_id, count in busy.items():
                seconds[job_id] += share * count
        for change, job_id in events[at]:
            running[job_id] += change
        before = at
    return dict(seconds)


def _of_job(job: Mapping[str, Any], lane: int, began: datetime, now: datetime) -> Iterator[Span]:
    job_id, free = job["job_id"], began
    for one in job.get("earlier_attempts") or ():
        start, end = (datetime.fromisoformat(one[name]) for name in ("start_time", "end_time"))
        yield from _wait(job_id, lane, one["attempt"], free, start)
        yield Span(job_id, lane, one["attempt"], "trying", start, end)
        free = end
    attempt, start = job.get("attempt") or 1, job["start_time"]
    if job["status"] == WAITING:
        yield from _wait(job_id, lane, job.get("next_attempt") or attempt, free, now)
        return
    yield from _wait(job_id, lane, attempt, free, start)
    if job["status"] == RUNNING:
        stage = job.get("stage")
        what: What = "reading" if stage == "extract" else "writing" if stage in _WRITES else "starting"
        yield Span(job_id, lane, attempt, "waiting" if stage == _WAITS_FOR_A_SLOT else what, start, max(now, start))
        return
    yield from _parts(job, lane, attempt, start, max(job.get("end_time") or start, start))


def _parts(job: Mapping[str, Any], lane: int, attempt: int, start: datetime, end: datetime) -> Iterator[Span]:
    """An attempt that has ended: it read and wrote last, and what is left of its time was before."""
    stages = job.get("duration_by_stage") or {}
    writing = sum(stages.get(name, 0.0) for name in _WRITES)
    wrote_from = max(end - timedelta(seconds=writing), start)
    read_from = max(wrote_from - timedelta(seconds=stages.get("extract", 0.0)), start)
    parts: tuple[tuple[What, datetime, datetime], ...] = (
        ("starting", start, read_from),
        ("reading", read_from, wrote_from),
        ("writing", wrote_from, end),
    )
    for what, first, last in parts:
        if last > first:
            yield Span(job["job_id"], lane, attempt, what, first, last)


def _wait(job_id: str, lane: int, attempt: int, start: datetime, end: datetime) -> Iterator[Span]:
    if end > start:
        yield Span(job_id, lane, attempt, "waiting", start, end)


def _lanes(jobs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The lane of each job; rows of earlier versions do not say it, and get the first one that was free."""
    lanes = {job["job_id"]: int(job["lane"]) for job in jobs if job.get("lane") is not None}
    first = max(lanes.values(), default=-1) + 1
    free: list[datetime] = []
    for job in sorted((job for job in jobs if job["job_id"] not in lanes), key=lambda job: job["start_time"]):
        end = job.get("end_time") or job["start_time"]
        place = next((number for number, at in enumerate(free) if at <= job["start_time"]), len(free))
        free[place : place + 1] = [end]
        lanes[job["job_id"]] = first + place
    return lanes
