"""The app against its own OpenAPI document: requests that schemathesis makes up from it, answers held against it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from function_app import routes
from shared.api.endpoint import Endpoint
from tests.e2e.app import App

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 20  # of each route, half of them wrong
LONGEST_QUERY = 4_000  # the host itself refuses longer ones
SEED = 20240131
PACE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def schema(app: App) -> BaseSchema:
    """The document as the app answers it; no job of its workbook runs when a run is started."""
    app.create_tables("one")
    app.put_workbook(app.row("one", "one", enabled="N"))
    assert app.run(run_id="walk-1")["status"] == "SKIPPED"
    response = app.request("GET", "/api/openapi.json")
    assert response.json() == routes.document()
    loaded = schemathesis.openapi.from_dict(response.json())
    loaded.config.update(base_url=app.host.url)
    return loaded


@pytest.mark.parametrize("route", routes.endpoints, ids=lambda route: route.name)
def test_every_answer_is_a_documented_one(app: App, schema: BaseSchema, route: Endpoint) -> None:
    operation = schema[f"/api/{route.path}"][route.method]
    modes = [GenerationMode.POSITIVE]
    if route.takes.keys() - {"client", "caller"}:  # else there is nothing to get wrong
        modes.append(GenerationMode.NEGATIVE)

    @seed(SEED)
    @PACE
    @given(case=st.one_of([operation.as_strategy(generation_mode=GenerationMode(mode)) for mode in modes]))
    def ask(case: schemathesis.Case[Any]) -> None:
        assume(len(urlencode(case.query or {}, doseq=True)) < LONGEST_QUERY)
        case.headers["x-functions-key"] = app.function_key
        case.validate_response(case.call(timeout=60), checks=CHECKS)

    ask()
