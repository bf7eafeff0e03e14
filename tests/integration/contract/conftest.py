"""One job at a time of any source type, by the activity `load_job`: storage, vault, audit and lease are real.

Only the child processes are left out: attempts run here, where they take a third of the time, and so does the judgement
of workbooks.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.storage.blob import ContainerClient
from deltalake import DeltaTable

from activities import load_job as activity
from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from shared.activation import judge
from shared.activation.store import configuration_store
from shared.models.attempt import Examination, JobResult
from shared.secrets import Secret
from shared.sources.probe import examine_job
from shared.sources.rest import client
from tests.app_process import app_process, run_here
from tests.builders import a_workbook
from tests.conftest import unique_name
from tests.integration.contract.subjects import SOURCE_TYPES, Row, Subject, Subjects, subjects

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = {"API_PRIVATE_HOSTS": "127.0.0.1", "SECRET_CACHE_SECONDS": "0"}
_runs = itertools.count(1)


@pytest.fixture(scope="module")
def lake(services: LocalServices) -> ContainerClient:
    return services.create_container(unique_name())


@pytest.fixture(scope="package")
def servers(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subjects]:
    """What makes subjects, on servers that all modules share."""
    with subjects(services, tmp_path_factory.mktemp("contract")) as made:
        yield made


@pytest.fixture(scope="module")
def made(services: LocalServices, servers: Subjects) -> Iterator[Subjects]:
    """The app's settings for a module, and what makes subjects."""
    config = services.create_container(unique_name()).container_name
    with (
        app_process(services, CONFIG_CONTAINER=config, AUDIT_TABLE=unique_name(), **SETTINGS),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(activity, "run_in_child", run_here)
        patch.setattr(judge, "run_in_child", run_here)
        patch.setattr(client, "PATIENCE", client.Patience(attempts=2, first_pause=0.01))
        yield servers


class ContractJob:
    """A job of a subject; its cells may change between loads.

    Args:
        services: Where everything is.
        lake: The container of its table.
        subject: What it reads.
        cells: Further cells of its row of the workbook.
    """

    def __init__(
        self, services: LocalServices, lake: ContainerClient, subject: Subject, cells: Mapping[str, object]
    ) -> None:
        self.subject = subject
        self.job_id = self.source_name = unique_name()
        self._services = services
        self._lake = lake
        self.connect(subject.secret)
        self.change(**cells)

    def connect(self, secret: Mapping[str, Any]) -> None:
        """Put the connection of its source into the vault."""
        self._services.key_vault.set_secret(f"source-{self.source_name}", json.dumps(secret))
        self.secret = secret

    def change(self, **cells: object) -> None:
        """Upload a workbook with the job's row, and activate it."""
        self.cells: dict[str, object] = {
            "job_id": self.job_id,
            "source_name": self.source_name,
            "target_container": self._lake.container_name,
            "target_folder_path": "raw",
            **self.subject.cells,
            **cells,
        }
        store = configuration_store()
        activation = store.activate(a_workbook(self.cells), etag=unique_name())
        active = store.active()
        assert active, activation
        self._sha256 = active.version.sha256
        (self.job,) = active.configuration.jobs
        assert self.job.job_id == self.job_id, activation

    def attempt(self, run_id: str | None = None, **order: Any) -> JobResult:
        """Load the job once, however it ends."""
        given = {
            "run_id": run_id or f"run-{next(_runs)}",
            "run_started_at": STARTED.isoformat(),
            "job_id": self.job_id,
            "config_sha256": self._sha256,
            **order,
        }
        return JobResult.model_validate(activity.load_job(given))

    def load(self, **order: Any) -> JobResult:
        """Load the job once; it succeeds."""
        result = self.attempt(**order)
        assert result.error is None, result.error
        return result

    def fail(self, **order: Any) -> tuple[str, bool, str]:
        """Load the job once; it fails: kind, retryable and message."""
        error = self.attempt(**order).error
        assert error
        return error.kind, error.retryable, error.message

    def examine(self) -> Examination:
        """What a dry run reports of the job."""
        return examine_job(self.job, Secret(self.secret), lambda _stage, _rows: None, None, False)

    def table(self) -> pa.Table:
        """The lake's table, as its readers see it."""
        return self._delta().to_pyarrow_table() if self.job.table_format == "delta" else self._parquet()

    def rows(self) -> list[Row]:
        """The rows of the lake's table by id, times in UTC."""
        return by_id(self.table().to_pylist())

    def files(self) -> list[str]:
        """Every file below the job's folder."""
        return sorted(self._lake.list_blob_names(name_starts_with=f"raw/{self.source_name}_"))

    @property
    def _folder(self) -> str:
        folder = self.job.target_folder_path
        return f"{folder}/{self.source_name}_{self.job.resource_name}/{self.job.resource_name}"

    def _parquet(self) -> pa.Table:
        manifest = json.loads(self._lake.download_blob(f"{self._folder}/_manifest.json").readall())
        files = [self._lake.download_blob(f"{self._folder}/{file['path']}").readall() for file in manifest["files"]]
        assert [pq.read_metadata(BytesIO(file)).num_rows for file in files] == [f["rows"] for f in manifest["files"]]
        return pa.concat_tables((pq.read_table(BytesIO(file)) for file in files), promote_options="default")

    def _delta(self) -> DeltaTable:
        options = {
            "azure_storage_account_name": ACCOUNT,
            "azure_storage_account_key": ACCOUNT_KEY,
            "azure_storage_endpoint": self._services.azurite.blob_url,
            "allow_invalid_certificates": "true",
        }
        return DeltaTable(f"az://{self._lake.container_name}/{self._folder}", storage_options=options)


MakeJob = Callable[..., ContractJob]


@pytest.fixture(params=SOURCE_TYPES)
def job(request: pytest.FixtureRequest, services: LocalServices, lake: ContainerClient, made: Subjects) -> MakeJob:
    """Makes a job of each source type with the given cells, whose source has the given rows."""

    def make(rows: Sequence[Row], **cells: object) -> ContractJob:
        subject = made.make(request.param)
        subject.write(rows)
        return ContractJob(services, lake, subject, cells)

    return make


def by_id(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order of their ids; times that have no zone are UTC in every source here."""
    aware = [{**row, "changed": row["changed"].replace(tzinfo=UTC)} for row in rows]
    return sorted(aware, key=lambda row: row["id"])
