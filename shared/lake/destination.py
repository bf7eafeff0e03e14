"""What every destination is to the pipeline. Which ones there are is in `shared.jobs.destinations`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Protocol

from shared.jobs.destinations import destination_type

if TYPE_CHECKING:
    import dlt
    from dlt.common.schema.typing import TTableFormat

    from shared.lake.load import BeforeCommit, LoadOrder, LoadOutcome
    from shared.models.job import Job


class Destination(Protocol):
    """Where the tables of one job go, and what is known there of earlier loads."""

    table_format: TTableFormat | None
    """The hint for dlt's tables; None for the destination's own format."""

    def pipeline_arguments(self) -> dict[str, Any]:
        """`destination`, `dataset_name` and what else `dlt.pipeline` needs.

        Raises:
            ConfigurationError: a setting or secret is missing or wrong.
            LakeError: the place does not exist and may not be made.
        """

    def begin_attempt(self, pipeline: dlt.Pipeline) -> Mapping[str, Any] | None:
        """The record of the last committed load with its `load_id`, None before the first.

        Raises:
            TransientError: the destination cannot be reached now.
            LakeError: it refuses for good.
        """

    def rows_in(self, pipeline: dlt.Pipeline, table_name: str) -> int | None:
        """The rows that a table has as of its last committed load, None if that is not known. After `begin_attempt`."""

    def load(self, pipeline: dlt.Pipeline, order: LoadOrder) -> LoadOutcome:
        """Let the pipeline write what it has normalized, as ordered. After `begin_attempt`."""

    def explain(self, error: BaseException) -> BaseException:
        """An error of the destination's driver as one of this project's, or `error` itself."""


def open_destination(job: Job, before_commit: BeforeCommit) -> Destination:
    """The destination of a job, for one load.

    Args:
        job: The job.
        before_commit: Called before the load writes and right before each commit; may raise to keep it from both.

    Raises:
        ConfigurationError: there is no destination of that name.
    """
    writer: Callable[[Job, BeforeCommit], Destination] = resolve_name(destination_type(job.destination).writer)
    return writer(job, before_commit)
