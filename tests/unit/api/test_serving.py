"""What every call has in common, whatever its route does."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError
from pydantic import BaseModel

from shared.api.endpoint import Endpoint
from shared.api.http import ProblemError
from shared.api.queries import ValidationQuery
from shared.api.serving import serve
from shared.errors.hierarchy import ConfigurationError, TransientError
from shared.settings import settings

BROKEN: dict[str, Exception] = {
    "refused": ProblemError(409, "It runs.", ["really"]),
    "busy": TransientError("Try later."),
    "misconfigured": ConfigurationError("A setting is missing."),
    "offline": ServiceRequestError("https://account.example.com is gone"),
    "mistaken": ZeroDivisionError("a password"),
}


class Answer(BaseModel):
    """What the route answers."""

    job_id: str
    annotated: bool


async def look(job_id: str, query: ValidationQuery) -> Answer:
    """Looks."""
    if job_id in BROKEN:
        raise BROKEN[job_id]
    return Answer(job_id=job_id, annotated=query.annotated)


ROUTE = Endpoint("GET", "jobs/{job_id}", look)


@pytest.fixture
def easy_auth(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """App Service signs callers in."""
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def ask(job_id: str = "orders", params: dict[str, str] | None = None, *roles: str) -> tuple[int, dict[str, Any]]:
    claims = {"claims": [{"typ": "roles", "val": role} for role in roles]}
    headers = {"X-MS-CLIENT-PRINCIPAL": b64encode(json.dumps(claims).encode()).decode()} if roles else {}
    request = func.HttpRequest(
        method="GET", url="/api/jobs", headers=headers, params=params or {}, route_params={"job_id": job_id}, body=b""
    )
    response = await serve(ROUTE, request, {})
    assert response.mimetype == ("application/json" if response.status_code == 200 else "application/problem+json")
    return response.status_code, json.loads(response.get_body())


async def test_a_handler_gets_what_it_takes() -> None:
    assert await ask("orders", {"annotated": "1", "code": "a key"}) == (200, {"job_id": "orders", "annotated": True})


async def test_a_wrong_query_does_not_reach_the_handler() -> None:
    status, problem = await ask("mistaken", {"annotated": "perhaps"})
    assert (status, problem["detail"]) == (400, "The query is wrong.")
    assert problem["problems"][0].startswith("annotated: 'perhaps': Input should be a valid boolean")


async def test_a_path_that_can_name_nothing_is_not_found() -> None:
    assert (await ask("x' or 'a' eq 'a"))[0] == 404


@pytest.mark.parametrize(
    ("job_id", "status", "detail"),
    [
        ("refused", 409, "It runs."),
        ("busy", 503, "Try later."),
        ("misconfigured", 500, "A setting is missing."),
        ("offline", 503, "A storage account cannot be used; see the app's log."),
        ("mistaken", 500, "The app has made a mistake; see its log."),
    ],
)
async def test_what_goes_wrong_is_answered_as_a_problem(job_id: str, status: int, detail: str) -> None:
    answered, problem = await ask(job_id)
    assert (answered, problem["status"], problem["detail"]) == (status, status, detail)


@pytest.mark.usefixtures("easy_auth")
@pytest.mark.parametrize(
    ("roles", "status"), [((), 401), (("Other",), 403), (("Ingestion.Reader",), 200), (("Ingestion.Operator",), 200)]
)
async def test_where_callers_sign_in_they_need_a_role(roles: tuple[str, ...], status: int) -> None:
    assert (await ask("orders", None, *roles))[0] == status


async def test_elsewhere_a_key_is_enough_and_a_forged_account_is_nothing() -> None:
    assert (await ask("orders", None, "Other"))[0] == 200
