"""Every path, dataset, pipeline and blob name in one place; pure.

Lake: `az://{target_container}/{target_folder_path}/{source_name}_{table_name}/{table_name}/{load_id}.{file}.parquet`.
"""

from __future__ import annotations

import re

from shared.models.job import Job

DELETED_AT = "_deleted_at"


"""The column of a Delta table that says since when the source has a row no more (detect_deletes soft)."""

ROOT_ID = "_dlt_root_id"
"""The column by which a row of a list, at any depth, names the row of the job's own table."""

LIST_INDEX = "_dlt_list_idx"
"""The column with the place of a row in its list."""

RECORDS = "_dlt_loads"
"""The folder of a dataset with the records of its loads, which commit them: `load__{load_id}.jsonl`."""

COMPACTION = "compaction"
"""In the record of a compaction: what it changes in the record of the last load, of which it repeats the rest."""

STAGE = "_dlt_stage"
"""The folder of a dataset where a failed attempt leaves what it has read for the next one of its run."""


def dataset_name(job: Job) -> str:
    """The dlt dataset of a job: the folder that holds its table and dlt's own tables; one job, one dataset."""
    return f"{job.source_name}_{job.resource_name}"


def bucket_path(job: Job) -> str:
    """Container and folder of a job, `container/folder`, without slashes at its ends."""
    return "/".join(part for part in (job.target_container, job.target_folder_path.strip("/")) if part)


def lake_path(job: Job) -> str:
    """Container, folder and dataset of a job: its tables, or the files that Databricks takes them from."""
    return f"{bucket_path(job)}/{dataset_name(job)}"


def table_path(job: Job) -> str:
    """Where the files of a job's table are, container first."""
    return f"{lake_path(job)}/{job.resource_name}"


def abfss_url(path: str, account: str) -> str:
    """A path of the lake, container first, as Databricks and Spark spell it.

    Args:
        path: Such as `table_path` gives it.
        account: The storage account, by name or as the host of its dfs endpoint.
    """
    container, _, folder = path.partition("/")
    host = account if "." in account else f"{account}.dfs.core.windows.net"
    return f"abfss://{container}@{host}/{folder}"


def pipeline_name(job_id: str) -> str:
    """The dlt pipeline of a job. dlt loses the state of a name with two underscores in a row, so there are none."""
    return re.sub(r"_{2,}", "_", re.sub(r"[^a-z0-9]", "_", job_id.lower())).strip("_") or "job"
