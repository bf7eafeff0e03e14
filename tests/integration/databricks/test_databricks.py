"""Configuration, the attempt to connect, and the files that Databricks would take over; no warehouse has been met."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.storage.blob import ContainerClient
from dlt.destinations import dummy

from shared.lake.databricks import DatabricksDestination, staging
from shared.loading.dlt_settings import configure_dlt
from shared.models.attempt import JobError
from shared.models.job import Job
from tests.integration.databricks.conftest import TOKEN

Put = Callable[..., None]
Fail = Callable[[], JobError]


@pytest.fixture
def nonsense_port() -> Iterator[int]:
    """A server that speaks no TLS."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)  # closed before it was read, the connection would be reset
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def test_a_closed_port_is_tried_again(put_connection: Put, failure: Fail) -> None:
    put_connection()
    error = failure()
    assert (error.kind, error.retryable) == ("transient", True)
    assert "Databricks (127.0.0.1:1/sql/1.0/warehouses/none) does not answer" in error.message
    assert TOKEN not in error.message


def test_a_server_that_is_none_is_reported(put_connection: Put, failure: Fail, nonsense_port: int) -> None:
    put_connection(port=nonsense_port)
    error = failure()
    assert (error.kind, error.retryable) == ("lake", False)
    assert f"Databricks (127.0.0.1:{nonsense_port}/sql/1.0/warehouses/none) is not Databricks" in error.message
    assert TOKEN not in error.message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"access_token": None}, "auth token needs access_token"),
        ({"auth": "client_credentials"}, "auth client_credentials needs client_id, client_secret"),
        ({"server_hostname": None}, "server_hostname: Input should be a valid string"),
        ({"warehouse": "x"}, "warehouse: Extra inputs are not permitted"),
    ],
)
def test_a_secret_that_lacks_something_is_reported(
    put_connection: Put, failure: Fail, fields: dict[str, Any], message: str
) -> None:
    put_connection(**fields)
    error = failure()
    assert (error.kind, error.retryable) == ("configuration", False)
    assert f"The connection secret of destination 'databricks' is wrong: {message}" in error.message
    assert TOKEN not in error.message


def test_a_missing_driver_is_reported(put_connection: Put, failure: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
    put_connection()
    monkeypatch.setattr("shared.lake.databricks.find_spec", lambda _: None)
    error = failure()
    assert (error.kind, error.retryable) == ("configuration", False)
    assert "-r requirements-databricks.txt" in error.message


def test_the_apps_identity_signs_in_with_a_token_of_its_own(put_connection: Put, job: Job) -> None:
    put_connection(auth="managed_identity", access_token=None)
    connection = DatabricksDestination(job, lambda: None).connection
    assert connection.signed_in()["access_token"].count(".") == 2  # a JWT


def test_databricks_finds_catalog_schema_and_staging(put_connection: Put, job: Job) -> None:
    put_connection()
    arguments = DatabricksDestination(job, lambda: None).pipeline_arguments()
    warehouse = arguments["destination"].config_params
    assert warehouse["credentials"].catalog == "main"
    assert warehouse["is_staging_external_location"] is True
    assert warehouse["replace_strategy"] == "staging-optimized"
    assert arguments["dataset_name"] == "Shop"


@pytest.mark.usefixtures("app")
def test_the_rows_are_staged_as_parquet_in_the_jobs_folder(
    job: Job, container: ContainerClient, tmp_path: Path
) -> None:
    """A destination that accepts everything takes the place of the warehouse."""
    configure_dlt()
    pipeline = dlt.pipeline(
        "staged",
        pipelines_dir=str(tmp_path),
        destination=dummy(completed_prob=1.0, loader_file_format="parquet"),
        staging=staging(job),
        dataset_name="shop",
    )
    rows = pa.table({"id": [1, 2, 3]})
    pipeline.run(dlt.resource([rows], name="orders"), loader_file_format="parquet")
    names = [name for name in container.list_blob_names() if "/orders/" in name]
    assert [name.startswith("raw/shop/shop_pg_orders/shop/orders/") for name in names] == [True]
    staged = pq.read_table(BytesIO(container.download_blob(names[0]).readall()))
    assert staged.to_pylist() == rows.to_pylist()
