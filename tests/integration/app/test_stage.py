"""What an API's failed attempt has read is in the lake until its run has loaded it, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from shared.isolation.leases import job_lease
from shared.jobs.lake_layout import STAGE
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.rest import client
from tests.api_server import ApiServer, Reply, Request
from tests.builders import a_job

MONTHS = 6


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, app_settings: None) -> Iterator[ApiServer]:
    """A server that may be asked, whose pauses take no time."""
    monkeypatch.setenv("API_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setattr(client, "PATIENCE", client.Patience(attempts=2, first_pause=0.0, longest_pause=1))
    settings.cache_clear()
    with ApiServer() as started:
        yield started


def test_an_attempt_continues_where_the_last_one_of_its_run_broke_off(
    server: ApiServer, lake: ContainerClient, tmp_path: Path
) -> None:
    broken, asked = [True], list[str]()

    def windows(request: Request) -> Reply:
        asked.append(request.params["from"])
        if broken[0] and len(asked) > 4:
            return Reply({}, 503)
        return Reply([{"id": request.params["from"]}])

    server.endpoints["/windows"] = windows
    cells: dict[str, Any] = {"api_endpoint": "/windows", "api_windows": "0/600/100", "api_params": {"from": "{start}"}}
    job = a_job(
        job_id="windows",
        source_type="API",
        source_name="api",
        table_name="windows",
        target_container=lake.container_name,
        load_type="FULL",
        **cells,
    )

    def attempt(run_id: str) -> JobResult:
        folder = tmp_path / token_hex(4)
        folder.mkdir()
        order = AttemptOrder(
            run_id=run_id, run_started_at=datetime.now(UTC), job_id=job.job_id, config_sha256="0f", attempt=1
        )
        with job_lease(job.job_id, run_id) as held:
            order = order.model_copy(update={"lease_id": held.lease_id})
            return run_attempt(order, job, Secret({"base_url": server.url}), folder, lambda _stage, _rows: None)

    def staged() -> list[str]:
        return [name for name in lake.list_blob_names() if f"/{STAGE}/" in name]

    assert attempt("run-1").status is JobStatus.FAILED
    assert len(staged()) == 1
    broken[0], asked[:] = False, []
    assert attempt("run-1").rows_written == MONTHS
    assert asked == ["400", "500"]
    assert staged() == []

    broken[0], asked[:] = True, []
    assert attempt("run-2").status is JobStatus.FAILED
    broken[0], asked[:] = False, []
    assert attempt("run-3").rows_written == MONTHS  # another run reads everything
    assert len(asked) == MONTHS
    assert staged() == []
