"""One row for each destination: what the workbook, the planning and the loads ask of it.

A new destination is a class that fulfils `shared.lake.destination.Destination`, and one row here. Columns of the
workbook that it alone needs are declared in `shared.workbook.columns` and named in its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.lake_layout import lake_path
from shared.models.job import Job, LoadType


@dataclass(frozen=True)
class DestinationType:
    """What the app knows of one kind of destination.

    Args:
        name: its name in the column `destination`.
        label: what texts for people call it.
        writer: `module:class` of its `Destination`. It is a text because only the child process of an attempt imports
            it.
        place: what one job alone writes to: two jobs with the same place would overwrite each other.
        place_column: the column to change if two jobs have the same place.
        table_formats: what `table_format` may be.
        columns: columns of the workbook that have a meaning for this destination only, and are required for it.
        unsupported: columns that must be blank for it.
        in_lake: whether its tables are files in the folder of the job, which are maintained and listed there.
        keeps_record: whether each load leaves a record, by which a repeated or rewound load is known again, and a
            range can be replaced without a primary key.

    Raises:
        ValueError: something is missing; the text names the row and the field.
    """

    name: str
    label: str
    writer: str
    place: Callable[[Job], str]
    place_column: str
    table_formats: tuple[str, ...]
    in_lake: bool
    keeps_record: bool
    columns: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(self.writer.partition(":")):
            raise ValueError(f"destination {self.name}: writer '{self.writer}' is not module:class")
        if not self.table_formats:
            raise ValueError(f"destination {self.name}: table_formats is missing")


def _unity_table(job: Job) -> str:
    return f"databricks:{job.databricks_catalog}.{job.databricks_schema}.{job.resource_name}".lower()


ADLS = DestinationType(
    name="adls",
    label="the lake",
    writer="shared.lake.adls:AdlsDestination",
    place=lake_path,
    place_column="target_folder_path",
    table_formats=("parquet", "delta"),
    in_lake=True,
    keeps_record=True,
)
DATABRICKS = DestinationType(
    name="databricks",
    label="Databricks",
    writer="shared.lake.databricks:DatabricksDestination",
    place=_unity_table,
    place_column="databricks_schema",
    table_formats=("delta",),
    in_lake=False,
    keeps_record=False,
    columns=("databricks_catalog", "databricks_schema"),
    unsupported=("detect_deletes", "partition_by"),
)

DESTINATIONS: dict[str, DestinationType] = {one.name: one for one in (ADLS, DATABRICKS)}
"""By name, in the order in which the workbook lists them."""


def destination_type(name: str) -> DestinationType:
    """The row of a destination.

    Raises:
        ConfigurationError: there is none of that name; the text lists those that there are.
    """
    if name not in DESTINATIONS:
        raise ConfigurationError(f"destination '{name}' cannot be written; there are {', '.join(DESTINATIONS)}.")
    return DESTINATIONS[name]


def destinations_with(column: str) -> tuple[str, ...]:
    """The destinations that a column of the workbook is for, by name."""
    return tuple(one.name for one in DESTINATIONS.values() if column in one.columns)


def dataset_path(job: Job) -> str:
    """What one job alone writes to: its dataset in the lake, or its table in Databricks."""
    return destination_type(job.destination).place(job)


def is_delta_in_lake(job: Job) -> bool:
    """Whether a job's table is a Delta table whose files are in the job's folder."""
    return job.table_format == "delta" and destination_type(job.destination).in_lake


def is_maintained(job: Job) -> bool:
    """Whether a job's loads leave ever more files in its folder, which a maintenance puts in order."""
    appends = job.load_type is LoadType.INCREMENTAL and destination_type(job.destination).in_lake
    return appends or is_delta_in_lake(job)
