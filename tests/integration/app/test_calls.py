"""The audit table has every call that may change something, whatever became of it."""

from __future__ import annotations

import json
from base64 import b64encode

import azure.functions as func
import pytest
from pydantic import BaseModel

from shared.api.endpoint import Accepted, Endpoint
from shared.api.serving import serve
from shared.audit.table import audit_table
from shared.settings import settings

pytestmark = pytest.mark.usefixtures("app_settings")


class Changed(BaseModel):
    """It is done."""


async def change(run_id: str) -> Accepted[Changed]:
    """Changes, if it is called by the right name."""
    if run_id == "broken":
        raise ZeroDivisionError
    return Changed()


ROUTE = Endpoint("POST", "runs/{run_id}/change", change)


async def ask(run_id: str, headers: dict[str, str]) -> tuple[int, str, str, str, int]:
    """Status of the answer, and what the newest row says: route, caller, run and status."""
    request = func.HttpRequest(
        method="POST", url="/api/runs", headers=headers, params={}, route_params={"run_id": run_id}, body=b""
    )
    response = await serve(ROUTE, request, {})
    row = next(iter(audit_table().query_entities("PartitionKey eq 'calls'")))
    return response.status_code, row["route"], row["caller"], row["run_id"], row["answer_status"]


async def test_a_call_is_recorded_with_its_key_and_its_answer() -> None:
    recorded = ("POST /api/runs/{run_id}/change", "key 2a8a1240", "run-1", 202)
    assert await ask("run-1", {"x-functions-key": "a-key"}) == (202, *recorded)


async def test_a_call_that_breaks_is_recorded() -> None:
    recorded = ("POST /api/runs/{run_id}/change", "unknown key", "broken", 500)
    assert await ask("broken", {}) == (500, *recorded)


async def test_a_refused_account_is_recorded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    settings.cache_clear()
    claims = {"claims": [{"typ": "roles", "val": "Ingestion.Reader"}]}
    principal = b64encode(json.dumps(claims).encode()).decode()
    headers = {"x-ms-client-principal": principal, "x-ms-client-principal-name": "ada@example.com"}
    recorded = ("POST /api/runs/{run_id}/change", "ada@example.com", "run-1", 403)
    assert await ask("run-1", headers) == (403, *recorded)
