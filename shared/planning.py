"""Which jobs a run does, in which order, in which lanes; pure.

A lane is a queue of jobs of one source system, worked off one after another by one sub-orchestration. A source gets
as many lanes as it may run jobs at once: its limit then holds over all instances of the app, which the host's own
concurrency settings cannot promise because they count per instance.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shared.models import Job, Lane, RunRequest


def problems_of(request: RunRequest, jobs: Sequence[Job]) -> list[str]:
    """What is wrong with the jobs that a request names: one sentence each, an empty list where it can be planned."""
    known = {job.job_id: job for job in jobs}
    problems = []
    for job_id in request.job_ids:
        if job_id not in known:
            problems.append(f"job_ids: '{job_id}' is not a job of the active workbook")
        elif not known[job_id].enabled:
            problems.append(f"job_ids: '{job_id}' is disabled in the workbook (row {known[job_id].row}, enabled = N)")
    return problems


def select(request: RunRequest, jobs: Iterable[Job]) -> list[Job]:
    """The enabled jobs that a request asks for: those it names, or all."""
    named = set(request.job_ids)
    return [job for job in jobs if job.enabled and (not named or job.job_id in named)]


def deal(
    jobs: Iterable[Job],
    concurrency: Mapping[str, int],
    default_concurrency: int,
    expected_seconds: Mapping[str, float] | None = None,
) -> tuple[Lane, ...]:
    """Deal jobs to the lanes of their sources, the longest first so that lanes end at about the same time.

    Args:
        jobs: The jobs of the run.
        concurrency: Jobs that may run at once, by source name.
        default_concurrency: The same for a source that is not in `concurrency`.
        expected_seconds: What each job took before, in seconds, by job id; a job that never ran counts as one second.
    """
    expected = expected_seconds or {}
    by_source: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_source[job.source_name].append(job)
    lanes: list[Lane] = []
    for source_name in sorted(by_source):
        queue = sorted(by_source[source_name], key=lambda job: (-expected.get(job.job_id, 1.0), job.job_id))
        count = min(concurrency.get(source_name, default_concurrency), len(queue))
        dealt: list[list[str]] = [[] for _ in range(count)]
        shortest = [(0.0, number) for number in range(count)]  # a heap of (seconds dealt so far, lane)
        for job in queue:
            seconds, number = heapq.heappop(shortest)
            dealt[number].append(job.job_id)
            heapq.heappush(shortest, (seconds + expected.get(job.job_id, 1.0), number))
        lanes += [Lane(source_name=source_name, job_ids=tuple(job_ids)) for job_ids in dealt]
    return tuple(lanes)
