"""The tables that jobs load: one that only grows, with a watermark, and ones that change as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from shared.models.job import Job, LoadType

Row = tuple[int, int]


class Tables:
    """Every table of every source, by job.

    A growing table has the rows (1, 0), (2, 0), …; one that changes has the rows (version, 0), (version, 1), ….
    """

    def __init__(self, random: Random, jobs: Iterable[Job]) -> None:
        self._random = random
        self._grows = {job.job_id: job.load_type is LoadType.INCREMENTAL for job in jobs}
        self._state = {job_id: (random.randint(1, 4), 0) for job_id in self._grows}
        self._sizes: dict[tuple[str, int], int] = {}

    def change(self) -> None:
        """A user of the source writes to a table."""
        job_id = self._random.choice(sorted(self._grows))
        count, version = self._state[job_id]
        if self._grows[job_id]:
            self._state[job_id] = (count + self._random.randint(1, 3), 0)
        else:
            self._state[job_id] = (self._random.randint(0, 4), version + 1)
        self._sizes[job_id, version + 1] = self._state[job_id][0]

    def read(self, job_id: str, after: int = 0) -> tuple[list[Row], int]:
        """A snapshot: the rows after a watermark, and the new watermark or the version."""
        count, version = self._state[job_id]
        if self._grows[job_id]:
            return [(number, 0) for number in range(after + 1, count + 1)], max(count, after)
        self._sizes[job_id, version] = count
        return [(version, number) for number in range(count)], version

    def as_of(self, job_id: str, mark: int) -> list[Row]:
        """The rows as of a watermark or version that `read` gave."""
        if self._grows[job_id]:
            return [(number, 0) for number in range(1, mark + 1)]
        return [(mark, number) for number in range(self._sizes[job_id, mark])]

    def newest(self, job_id: str) -> int:
        """The watermark or version that the table has now."""
        return self.read(job_id)[1]
