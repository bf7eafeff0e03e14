"""A server of the tests' own, and loads from it into local Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared import settings as app_settings
from shared.errors.hierarchy import IngestionError
from shared.loading.dlt_settings import configure_dlt
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.rest import client
from shared.sources.source import ReadOptions
from tests.api_server import ApiServer

QUICK = client.Patience(attempts=3, first_pause=0.01, longest_pause=5)


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """A server that the tests of a module share; each has paths of its own."""
    with ApiServer() as started:
        yield started


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine may be asked, and retries do not take long."""
    monkeypatch.setenv("API_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setattr(client, "PATIENCE", QUICK)
    app_settings.settings.cache_clear()
    yield
    app_settings.settings.cache_clear()


def api_job(path: str, **overrides: Any) -> Job:
    """A job that loads an endpoint in full, but for what is named."""
    fields = {
        "job_id": "api_things_full",
        "source_type": "API",
        "source_name": "things_api",
        "load_type": "FULL",
        "enabled": True,
        "target_container": "lake",
        "target_folder_path": "raw",
        "api_endpoint": path,
        "table_name": "things",
    }
    return Job(**(fields | overrides))


class Lake:
    """Loads jobs into a folder, the way the app's pipeline does, with plain dlt."""

    def __init__(self, folder: Path, secret: dict[str, Any]) -> None:
        self.folder = folder
        self.secret = secret
        self.watermark: str | None = None
        self._loads = 0

    def load(self, job: Job, **options: Any) -> list[dict[str, Any]]:
        """Load a job; gives the rows that its table holds now. Raises what the source raises."""
        configure_dlt()
        self._loads += 1
        pipeline = dlt.pipeline(
            f"{job.job_id}_{self.folder.name}",
            pipelines_dir=str(self.folder / f"work{self._loads}"),
            destination=dlt.destinations.filesystem((self.folder / "lake").as_uri(), max_state_files=1000),
            dataset_name="dataset",
        )
        pipeline.sync_destination()
        source = open_source(
            job,
            Secret(self.secret),
            ReadOptions(**({"watermark": self.watermark} | options)),
        )
        resource = source.resource()
        replaced = job.load_type.value == "FULL" or bool(options.get("full_refresh"))
        resource.apply_hints(
            write_disposition="replace" if replaced else "append",
            primary_key=list(job.primary_key) or None,
        )
        try:
            contract: Any = {"tables": "evolve", "columns": job.schema_contract, "data_type": job.schema_contract}
            pipeline.run(resource, loader_file_format="parquet", schema_contract=contract)
        except Exception as error:
            raise _root(error) from None
        for state in pipeline.state.get("sources", {}).values():
            for cursor in state.get("resources", {}).get(job.resource_name, {}).get("incremental", {}).values():
                last = cursor["last_value"]
                self.watermark = last.isoformat() if hasattr(last, "isoformat") else str(last)
        return self.rows(job.resource_name)

    def table(self, name: str = "things") -> pa.Table:
        """A table as it is now."""
        files = sorted((self.folder / "lake" / "dataset" / name).glob("*.parquet"))
        return pa.concat_tables((pq.read_table(file) for file in files), promote_options="default")

    def rows(self, name: str = "things") -> list[dict[str, Any]]:
        """The rows of a table, by id if they have one."""
        rows = self.table(name).to_pylist()
        return sorted(rows, key=lambda row: row.get("id") or 0)


@pytest.fixture
def lake(tmp_path: Path, server: ApiServer) -> Lake:
    """A lake of the test's own, whose source is the server without any sign-in."""
    return Lake(tmp_path, {"base_url": server.url})


@pytest.fixture
def signed_in(tmp_path: Path, server: ApiServer) -> Callable[..., Lake]:
    """Makes a lake whose source is the server with further fields in the secret."""
    return lambda **fields: Lake(tmp_path, {"base_url": server.url, **fields})


def _root(error: BaseException) -> BaseException:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, IngestionError):
            return cause
        cause = getattr(cause, "exception", None) or cause.__cause__ or cause.__context__
    return error
