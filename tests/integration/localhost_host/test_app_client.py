"""The client of a running app, against an HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from localhost.api_client import RequestRefusedError
from localhost.app_client import RunningApp
from localhost.host.keys import load_keys
from tests.api_server import ApiServer, Reply

OFFLINE = Reply({"detail": "Storage is busy.", "problems": []}, HTTPStatus.SERVICE_UNAVAILABLE)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def app(server: ApiServer, tmp_path: Path) -> RunningApp:
    load_keys(tmp_path)
    return RunningApp(tmp_path, {"url": server.url})


def test_a_run_is_asked_for_again_where_storage_was_busy(app: RunningApp, server: ApiServer) -> None:
    replies = [
        OFFLINE,
        OFFLINE,
        Reply({"run_id": "r1", "status": "SUCCEEDED", "jobs": [], "continuation": None, "as_of": "now"}),
    ]
    server.endpoints["/api/runs/r1"] = lambda _: replies.pop(0)
    assert app.get_run("r1")["status"] == "SUCCEEDED"
    assert not replies


def test_an_order_is_given_once_where_storage_is_busy(app: RunningApp, server: ApiServer) -> None:
    server.endpoints["/api/runs"] = lambda _: OFFLINE
    with pytest.raises(RequestRefusedError, match="Storage is busy"):
        app.start_run()
    assert len(server.asked("/api/runs")) == 1
