"""How the jobs of a run are dealt to lanes; pure.

A lane is a queue of jobs of one source system, worked off one after another by one sub-orchestration.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping

from shared.models.job import Job
from shared.models.run import JobOptions, Lane, LastRun


def deal(
    jobs: Iterable[Job],
    concurrency: Mapping[str, int],
    default_concurrency: int,
    last_runs: Mapping[str, LastRun] | None = None,
    options: Mapping[str, JobOptions] | None = None,
) -> tuple[Lane, ...]:
    """Deal jobs to the lanes of their sources: by priority, then the longest first so that lanes end together.

    Args:
        jobs: The jobs of the run.
        concurrency: Jobs that may run at once, by source name.
        default_concurrency: The same for a source that is not in `concurrency`.
        last_runs: What each job took before; a job that never ran counts as one second.
        options: How single jobs differ, by job id.
    """
    expected = {job_id: max(last.seconds, 0.1) for job_id, last in (last_runs or {}).items()}
    by_source: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        by_source[job.source_name].append(job)
    lanes: list[Lane] = []
    for source_name in sorted(by_source):
        queue = sorted(
            by_source[source_name], key=lambda job: (job.priority, -expected.get(job.job_id, 1.0), job.job_id)
        )
        count = min(concurrency.get(source_name, default_concurrency), len(queue))
        dealt: list[list[Job]] = [[] for _ in range(count)]
        shortest = [(0.0, number) for number in range(count)]  # a heap of (seconds dealt so far, lane)
        for job in queue:
            seconds, number = heapq.heappop(shortest)
            dealt[number].append(job)
            heapq.heappush(shortest, (seconds + expected.get(job.job_id, 1.0), number))
        lanes += [_lane(source_name, lane, options or {}) for lane in dealt]
    return tuple(lanes)


def _lane(source_name: str, jobs: list[Job], options: Mapping[str, JobOptions]) -> Lane:
    special = {}
    for job in jobs:
        of_job = options.get(job.job_id, JobOptions())
        if job.max_attempts:
            of_job = of_job.model_copy(update={"max_attempts": job.max_attempts})
        if of_job != JobOptions():
            special[job.job_id] = of_job
    return Lane(source_name=source_name, job_ids=tuple(job.job_id for job in jobs), options=special)
