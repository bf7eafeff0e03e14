"""A dry run of a Delta job finds out what the storage does with List Blobs' `startFrom`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.lake import adls
from shared.lake.log_listing import CHECK
from shared.models.attempt import Examination
from shared.models.run import RunRequest
from shared.planning import dry_run
from shared.secrets import Secret
from tests.app_process import app_process, run_here
from tests.builders import a_job
from tests.faults.storage_proxy import StorageProxy


@contextmanager
def storage(services: LocalServices, folder: Path, *ignored: str) -> Iterator[StorageProxy]:
    """The storage as an account in Azure would be reached, which takes no notice of some parameters of a query."""
    azurite = services.azurite
    with StorageProxy(folder, services.certificates, azurite.blob_url, azurite.table_url) as proxy:
        proxy.ignored = ignored
        with app_process(services, **proxy.settings()):
            yield proxy


@pytest.fixture(autouse=True)
def as_in_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adls, "_EMULATOR", "no account")
    monkeypatch.setattr(dry_run, "_checked_containers", set())
    monkeypatch.setattr(dry_run, "run_in_child", run_here)
    monkeypatch.setattr(dry_run, "connection_secret", lambda *_: Secret({}))
    monkeypatch.setattr(dry_run, "next_watermark", lambda _: None)
    monkeypatch.setattr(dry_run, "_ask", lambda *_: Examination(sql="SELECT 1", columns={}))


def examined(container: ContainerClient, **fields: Any) -> dict[str, Any]:
    """What a dry run says of a job whose source answers."""
    request = RunRequest(run_id="run-1", trigger="http", requested_at=datetime.now(UTC))
    job = a_job(**{"target_container": container.container_name, "table_format": "delta"} | fields)
    return dry_run._examine(job, request, MagicMock(), time.monotonic() + 60)


def versions(container: ContainerClient) -> list[str]:
    names = container.list_blob_names(name_starts_with=f"{CHECK}/_delta_log/")
    return [name.rpartition("/")[2] for name in names if name.endswith(".json")]


def test_a_storage_that_lists_a_log_rightly_is_asked_once_and_written_to_once(
    services: LocalServices, container: ContainerClient, tmp_path: Path
) -> None:
    with storage(services, tmp_path) as proxy:
        assert "error" not in examined(container)
        asked = len(proxy.requests)
        assert any(request.query.get("startFrom", "").endswith("1") for request in proxy.requests)
        assert "error" not in examined(container)
        assert len(proxy.requests) == asked
        dry_run._checked_containers.clear()  # as in another process
        assert "error" not in examined(container)
    assert len(versions(container)) == 2


def test_a_storage_that_ignores_start_from_is_found_by_day(
    services: LocalServices, container: ContainerClient, tmp_path: Path
) -> None:
    with storage(services, tmp_path, "startFrom"):
        for _ in range(2):  # what has failed is asked again
            described = examined(container)
            assert described["reachable"]
            assert described["error"]["kind"] == "lake"
            assert "ignores 'startFrom' of List Blobs" in described["error"]["message"]
    assert len(versions(container)) == 2


@pytest.mark.parametrize(
    "elsewhere", [{"table_format": "parquet"}, {"destination": "databricks"}], ids=["Parquet", "Databricks"]
)
def test_a_job_without_a_delta_table_in_the_lake_asks_the_lake_nothing(
    services: LocalServices, container: ContainerClient, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    with storage(services, tmp_path, "startFrom") as proxy:
        assert "error" not in examined(container, **elsewhere)
        assert proxy.requests == []
    assert versions(container) == []
