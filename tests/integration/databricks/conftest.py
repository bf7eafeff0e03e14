"""Jobs with the destination databricks, as far as they get without a warehouse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.lake import databricks
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder, JobError
from shared.models.job import Job
from shared.secrets import Secret
from tests.app_process import app_process
from tests.builders import a_job
from tests.conftest import unique_name

TOKEN = "dapi-canary-51ab"
FIELDS = {"server_hostname": "127.0.0.1", "http_path": "/sql/1.0/warehouses/none", "port": 1, "access_token": TOKEN}


@pytest.fixture
def app(services: LocalServices, container: ContainerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The app's settings, and a driver that tries but once; no secret of an earlier test is remembered."""
    monkeypatch.setitem(databricks.RETRIES, "_retry_stop_after_attempts_count", 1)
    variables = {"CONFIG_CONTAINER": container.container_name, "AUDIT_TABLE": unique_name()}
    with app_process(services, **variables):
        yield


@pytest.fixture
def job(container: ContainerClient) -> Job:
    return a_job(
        destination="databricks",
        databricks_catalog="main",
        databricks_schema="Shop",
        table_format="delta",
        target_container=container.container_name,
    )


@pytest.fixture
def put_connection(services: LocalServices, app: None) -> Callable[..., None]:
    """Puts the connection of Databricks into the vault, with the given fields instead of the usual ones."""

    def put(**fields: Any) -> None:
        services.key_vault.set_secret("destination-databricks", json.dumps(FIELDS | fields))

    return put


@pytest.fixture
def failure(job: Job, tmp_path: Path, app: None) -> Callable[[], JobError]:
    """Runs an attempt, which fails, and gives its error."""

    def run() -> JobError:
        order = AttemptOrder(run_id="run-1", run_started_at=datetime.now(UTC), job_id=job.job_id, config_sha256="0")
        result = run_attempt(order, job, Secret({"host": "x", "database": "y"}), tmp_path, lambda _stage, _rows: None)
        assert result.error, result
        return result.error

    return run
