"""One attempt against a real source and a real lake: repeated, superseded, broken off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.isolation.leases import job_lease
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from tests.builders import a_job
from tests.conftest import unique_name

pytestmark = pytest.mark.usefixtures("app_settings")

Run = Callable[..., JobResult]


@pytest.fixture
def lake(services: LocalServices) -> ContainerClient:
    return services.create_container(f"{unique_name()}-lake")


@pytest.fixture
def execute(services: LocalServices, database: str) -> Callable[[str], None]:
    def execute(statement: str) -> None:
        with services.postgres.connect(database) as connection:
            connection.execute(statement)

    execute("create table orders (id bigint primary key)")
    execute("insert into orders select generate_series(1, 3)")
    return execute


@pytest.fixture(params=[LoadType.FULL, LoadType.INCREMENTAL])
def job(request: pytest.FixtureRequest, lake: ContainerClient) -> Job:
    watermark = "id" if request.param is LoadType.INCREMENTAL else None
    return a_job(target_container=lake.container_name, load_type=request.param, watermark_column=watermark)


@pytest.fixture
def run(services: LocalServices, database: str, job: Job, execute: Any, tmp_path_factory: Any) -> Run:
    def run(run_id: str, *, attempt: int = 1, lease: bool = True) -> JobResult:
        """An attempt of the run; without its lease where another run has taken the job over."""
        order = AttemptOrder(
            run_id=run_id,
            run_started_at=datetime(2024, 1, 1, tzinfo=UTC),
            job_id=job.job_id,
            attempt=attempt,
            config_sha256="0f",
        )
        with job_lease(job.job_id, run_id if lease else f"{run_id}-superseding") as held:
            order = order.model_copy(update={"lease_id": held.lease_id if lease else str(uuid4())})
            secret, folder = Secret(services.postgres.secret(database)), tmp_path_factory.mktemp("attempt")
            return run_attempt(order, job, secret, folder, lambda _stage, _rows: None)

    return run


def ids(lake: ContainerClient) -> list[int]:
    names = [name for name in lake.list_blob_names() if "/orders/" in name and name.endswith(".parquet")]
    tables = [pq.read_table(BytesIO(lake.download_blob(name).readall())) for name in names]
    return sorted(int(str(value)) for table in tables for value in table["id"].to_pylist())


def test_an_attempt_that_is_run_again_finds_its_load_and_loads_nothing(
    run: Run, lake: ContainerClient, execute: Callable[[str], None]
) -> None:
    first = run("run-1")
    execute("insert into orders values (4)")
    again = run("run-1")
    kept = {"status", "load_id", "rows_extracted", "rows_written", "files_written", "bytes_written"}
    kept |= {"watermark_before", "watermark_after"}
    assert again.model_dump(include=kept) == first.model_dump(include=kept)
    assert (first.status, first.rows_written) == (JobStatus.SUCCESS, 3)
    assert ids(lake) == [1, 2, 3]


def test_an_attempt_without_new_rows_may_be_run_again(run: Run, lake: ContainerClient, job: Job) -> None:
    run("run-1")
    results = [run("run-2"), run("run-2")]
    moved = 3 if job.load_type is LoadType.FULL else 0
    assert [(result.status, result.rows_written) for result in results] == [(JobStatus.SUCCESS, moved)] * 2
    assert ids(lake) == [1, 2, 3]


def test_an_attempt_that_lost_its_lease_while_it_read_writes_nothing(
    run: Run, lake: ContainerClient, execute: Callable[[str], None]
) -> None:
    run("run-1")
    before = sorted(lake.list_blob_names())
    execute("insert into orders values (4)")
    superseded = run("run-2", lease=False)
    assert superseded.error is not None
    assert (superseded.status, superseded.error.kind, superseded.error.retryable) == (
        JobStatus.FAILED,
        "lease_lost",
        True,
    )
    assert sorted(lake.list_blob_names()) == before
    assert run("run-2", attempt=2).status is JobStatus.SUCCESS
    assert ids(lake) == [1, 2, 3, 4]


def test_a_source_that_refuses_leaves_the_lake_as_it_was(
    run: Run, lake: ContainerClient, execute: Callable[[str], None]
) -> None:
    run("run-1")
    before = sorted(lake.list_blob_names())
    execute("alter table orders rename to orders_of_old")
    broken = run("run-2")
    assert broken.error is not None
    assert (broken.status, broken.error.kind, broken.error.retryable) == (JobStatus.FAILED, "source", False)
    assert sorted(lake.list_blob_names()) == before
