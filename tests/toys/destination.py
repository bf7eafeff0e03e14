"""The toy destination: Parquet files in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dlt
from dlt.common.schema.typing import TTableFormat
from dlt.destinations import filesystem

from shared.jobs.destinations import DestinationType
from shared.lake.load import BeforeCommit, LoadOrder, LoadOutcome, Written, newest_load_id
from shared.models.job import Job


def _place(job: Job) -> str:
    return f"folder:{job.target_folder_path}/{job.resource_name}"


FOLDER = DestinationType(
    name="folder",
    label="a folder",
    writer="tests.toys.destination:FolderDestination",
    place=_place,
    place_column="target_folder_path",
    table_formats=("parquet",),
    in_lake=False,
    keeps_record=False,
    unsupported=("partition_by",),
)


class FolderDestination:
    """dlt's file system below the folder that the variable `TOY_FOLDER` names."""

    table_format: TTableFormat | None = None

    def __init__(self, job: Job, _before_commit: BeforeCommit) -> None:
        self._job = job

    def pipeline_arguments(self) -> dict[str, Any]:
        """Where the files go."""
        return {"destination": filesystem(os.environ["TOY_FOLDER"]), "dataset_name": self._job.source_name}

    def begin_attempt(self, pipeline: dlt.Pipeline) -> Mapping[str, Any] | None:
        """Nothing is known of earlier loads."""
        return None

    def load(self, pipeline: dlt.Pipeline, order: LoadOrder) -> LoadOutcome:
        """Count what was extracted: every row of it is in the files."""
        load_id = newest_load_id(pipeline.load())
        return LoadOutcome(load_id, Written(rows_written=sum(order.expected_rows.values())))

    def explain(self, error: BaseException) -> BaseException:
        """No error is this destination's own."""
        return error
