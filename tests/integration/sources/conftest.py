"""A database with tables of a test's own, and loads of them into local Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from localhost.services import LocalServices
from shared.errors.hierarchy import IngestionError
from shared.loading.dlt_settings import configure_dlt
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions, write_disposition


@pytest.fixture
def secret(services: LocalServices, database_name: str) -> Secret:
    """The connection secret of the database."""
    return Secret(services.postgres.secret(database_name))


class Lake:
    """Loads jobs into a folder, the way the app's pipeline does, with plain dlt."""

    def __init__(self, folder: Path, secret: Secret) -> None:
        self.folder = folder
        self.secret = secret
        self.loads = 0

    def load(self, job: Job, **options: Any) -> pa.Table:
        """Load a job and return what its table holds now. Raises what the source raises, explained."""
        place = self.fill(job, **options)
        if job.table_format == "delta":
            return DeltaTable(place).to_pyarrow_table()
        files = (pq.read_table(file) for file in sorted(place.glob("*.parquet")))
        return pa.concat_tables(files, promote_options="permissive")

    def fill(self, job: Job, **options: Any) -> Path:
        """Load a job and return the folder of its table. Raises what the source raises, explained."""
        configure_dlt()
        self.loads += 1
        pipeline = dlt.pipeline(
            f"{job.job_id}_{self.folder.name}",
            pipelines_dir=str(self.folder / f"work{self.loads}"),
            destination=dlt.destinations.filesystem((self.folder / "lake").as_uri(), max_state_files=1000),
            dataset_name="dataset",
        )
        pipeline.sync_destination()
        read_options = ReadOptions(**{"watermark": _watermark(pipeline, job), **options})
        source = open_source(job, self.secret, read_options)
        contract: Any = {"tables": "evolve", "columns": job.schema_contract, "data_type": job.schema_contract}
        try:
            resource = source.resource()
            resource.apply_hints(
                write_disposition=write_disposition(job, read_options), primary_key=list(source.primary_key)
            )
            if job.table_format == "delta":
                resource.apply_hints(table_format="delta")
            pipeline.run(resource, loader_file_format="parquet", schema_contract=contract)
        except Exception as error:
            raise _explained(source.explain, error) from error
        return self.folder / "lake" / "dataset" / job.resource_name


@pytest.fixture
def lake(tmp_path: Path, secret: Secret) -> Lake:
    """A lake of the test's own."""
    return Lake(tmp_path, secret)


def _watermark(pipeline: dlt.Pipeline, job: Job) -> str | None:
    """The last value of the job's watermark column, as the pipeline's state has it."""
    for source in pipeline.state.get("sources", {}).values():
        cursors = source.get("resources", {}).get(job.resource_name, {}).get("incremental", {})
        for name, cursor in cursors.items():
            if name.casefold() == str(job.watermark_column).casefold() and cursor["last_value"]:
                return str(cursor["last_value"])
    return None


def _explained(explain: Callable[[BaseException], BaseException], error: BaseException) -> BaseException:
    cause: BaseException | None = error
    while cause is not None:
        explained = explain(cause)
        if explained is not cause or isinstance(explained, IngestionError):
            return explained
        cause = cause.__cause__ or cause.__context__
    return error


def rows(table: pa.Table) -> list[Mapping[str, Any]]:
    """The rows as dictionaries, in the order of their first column."""
    return sorted(table.to_pylist(), key=lambda row: str(next(iter(row.values()))))
