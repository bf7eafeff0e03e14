"""What every destination is to the pipeline. A new one is a module beside this and a line in `DESTINATIONS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from shared.lake.adls import AdlsDestination
from shared.lake.databricks import DatabricksDestination

if TYPE_CHECKING:
    import dlt
    from dlt.common.schema.typing import TTableFormat

    from shared.lake.load import LoadCommit
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

    def finish_load(self, loaded: Any) -> None:
        """Note down in the commit what dlt's load (`LoadInfo`) wrote, where it is not known yet."""

    def explain(self, error: BaseException) -> BaseException:
        """An error of the destination's driver as one of this project's, or `error` itself."""


DESTINATIONS: dict[str, Callable[[Job, LoadCommit], Destination]] = {
    "adls": AdlsDestination,
    "databricks": DatabricksDestination,
}
"""By the column `destination`."""
