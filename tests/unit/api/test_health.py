"""The health check answers whatever is wrong, and waits for nothing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError

from shared.api.answers import Health, Unhealthy
from shared.api.endpoint import Endpoint
from shared.api.http import ProblemError
from shared.api.pools import LimitedPool
from shared.api.routes import health as route
from shared.api.serving import serve
from shared.settings import settings


class Store:
    def __init__(self, snapshot: object) -> None:
        self._snapshot = snapshot

    def active(self) -> object:
        return self._snapshot

    def has_unjudged_upload(self) -> bool:
        return self._snapshot == "unjudged"


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """All is well unless a test says otherwise."""
    monkeypatch.setattr(route, "trigger_problems", dict)
    monkeypatch.setattr(route, "any_run", lambda: True)
    monkeypatch.setattr(route, "configuration_store", lambda: Store("a version"))
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


async def get_health() -> Health | Unhealthy:
    """Health."""
    return await route.health()


async def test_a_wrong_setting_is_named_on_the_open_route(well: pytest.MonkeyPatch) -> None:
    well.undo()
    well.setenv("NOTIFY_OVERDUE_MINUTES", "-1")
    endpoint = Endpoint("GET", "health", get_health, is_open=True)
    request = func.HttpRequest(method="GET", url="/api/health", body=b"")
    answer = json.loads((await serve(endpoint, request, {})).get_body())
    assert answer["status"] == "unhealthy"
    assert answer["checks"] == {"settings": "wrong"}
    assert "setting NOTIFY_OVERDUE_MINUTES: " in answer["problems"][0]


async def test_all_is_well() -> None:
    assert (await route.health()).model_dump() == {
        "status": "healthy",
        "checks": {"settings": "ok", "audit": "ok", "configuration": "ok"},
        "problems": [],
    }


async def test_a_function_that_the_host_switched_off_is_not_healthy(well: pytest.MonkeyPatch) -> None:
    well.setattr(route, "trigger_problems", lambda: {"INGESTION_SCHEDULE": "It is blank."})
    answer = await route.health()
    assert (answer.status, answer.checks["settings"], answer.problems) == ("unhealthy", "wrong", ["It is blank."])


async def test_an_audit_table_that_is_gone_is_noticed_each_time(well: pytest.MonkeyPatch) -> None:
    def gone() -> bool:
        raise ResourceNotFoundError("TableNotFound")

    assert (await route.health()).status == "healthy"
    well.setattr(route, "any_run", gone)
    answer = await route.health()
    assert (answer.status, answer.checks["audit"]) == ("unhealthy", "missing")


@pytest.mark.parametrize(("has_run", "status"), [(False, "healthy"), (True, "unhealthy")])
async def test_an_app_without_a_workbook_is_well_only_while_it_is_new(
    well: pytest.MonkeyPatch, has_run: bool, status: str
) -> None:
    well.setattr(route, "configuration_store", lambda: Store(None))
    well.setattr(route, "any_run", lambda: has_run)
    answer = await route.health()
    assert (answer.status, answer.checks["configuration"]) == (status, "missing")


async def test_a_storage_that_does_not_answer_is_reported_in_time(well: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    well.setattr(route, "any_run", lambda: answers.wait(60))
    well.setattr(route, "SECONDS", 0.05)
    answer = await route.health()
    answers.set()
    assert (answer.status, answer.checks["storage"]) == ("unhealthy", "unreachable")


async def test_what_takes_long_has_a_few_threads_and_more_of_it_is_refused() -> None:
    pool, over = LimitedPool(2, "dry runs"), threading.Event()
    running = [asyncio.create_task(pool.run(over.wait, 60)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(ProblemError, match="2 dry runs are running already") as refused:
        await pool.run(over.wait, 60)
    assert refused.value.response().status_code == 503
    over.set()
    assert await asyncio.gather(*running) == [True, True]
    assert await pool.run(lambda: "free again") == "free again"


async def test_an_upload_that_was_neither_activated_nor_refused_is_shown(well: pytest.MonkeyPatch) -> None:
    well.setattr(route, "configuration_store", lambda: Store("unjudged"))
    answer = await route.health()
    assert (answer.status, answer.checks["configuration"]) == ("healthy", "unjudged")
