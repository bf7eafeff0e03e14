"""A request and the active workbook become the draft of a run: everything that is read, before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.activation.versions import Snapshot
from shared.audit.jobs import last_runs
from shared.errors.hierarchy import ConfigurationError, IngestionError
from shared.models.job import Job
from shared.models.run import Lane, RunRequest
from shared.planning.expansion import Expansion, expand_wildcards
from shared.planning.lanes import deal
from shared.planning.selection import Selection, problems_of, select
from shared.settings import settings
from shared.workbook.configuration import Configuration


@dataclass(frozen=True)
class Draft:
    """What a run would do.

    Attributes:
        snapshot: The workbook that it is from.
        lanes: Its lanes.
        selection: The jobs that were asked for, those that wait and those that are not due.
        expansion: The jobs as they run, and the wildcard jobs that cannot.
    """

    snapshot: Snapshot
    lanes: tuple[Lane, ...]
    selection: Selection
    expansion: Expansion

    @property
    def jobs(self) -> dict[str, Job]:
        """The jobs as they run, by id."""
        return {job.job_id: job for job in self.expansion.jobs}

    @property
    def failed(self) -> dict[str, IngestionError]:
        """Jobs that cannot be planned, with the reason."""
        return self.expansion.failed


def draft_run(request: RunRequest, snapshot: Snapshot, order_ids: Collection[str] = ()) -> Draft:
    """Select the jobs of a request, expand wildcards, deal the lanes.

    Args:
        request: The request.
        snapshot: The version of the workbook.
        order_ids: See `shared.planning.selection.select`.

    Raises:
        ConfigurationError: the request does not fit the workbook.
    """
    configuration = snapshot.configuration
    if problems := problems_of(request, configuration):
        raise ConfigurationError(f"The request does not fit the active workbook: {'; '.join(problems)}.")
    known = last_runs()
    selection = select(request, configuration, snapshot.version.activated_at, known, order_ids)
    expansion = expand_wildcards(selection.jobs, selection.options, configuration)
    lanes = deal(
        expansion.jobs,
        concurrency=_concurrency(configuration),
        default_concurrency=settings().source_concurrency,
        last_runs=known,
        options=expansion.options,
    )
    return Draft(snapshot, lanes, selection, expansion)


def _concurrency(configuration: Configuration) -> dict[str, int]:
    limits = {source.source_name: source.max_concurrent_jobs for source in configuration.sources}
    return {name: limit for name, limit in limits.items() if limit}
