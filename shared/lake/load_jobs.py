"""dlt's load jobs that have nothing to do, as jobs that say when they are done.

dlt gives a file that needs no copying (its own state; the Parquet files of a Delta table, which one further job
commits) to a job that is never started. Nothing wakes dlt's loop for such a job: it looks again after a whole second,
in every load of a Delta table and in every load that has no rows (`Load.load_single_package` of dlt 1.31). A job that
is started and ends at once wakes it.
"""

from __future__ import annotations

from dlt.common.destination.client import HasFollowupJobs, LoadJob, RunnableLoadJob
from dlt.destinations.job_impl import FinalizedLoadJob, FinalizedLoadJobWithFollowupJobs


class EmptyJob(RunnableLoadJob):
    """Does nothing with its file."""

    def run(self) -> None:
        """There is nothing to do."""


class EmptyJobWithFollowupJobs(EmptyJob, HasFollowupJobs):
    """Does nothing with its file; a further job takes all files of the table."""


_STARTED: dict[type[LoadJob], type[LoadJob]] = {
    FinalizedLoadJob: EmptyJob,
    FinalizedLoadJobWithFollowupJobs: EmptyJobWithFollowupJobs,
}


def started(job: type[LoadJob]) -> type[LoadJob]:
    """The class to use in the place of one of dlt's.

    Args:
        job: The class that dlt would use.
    """
    return _STARTED.get(job, job)
