"""A model of an API gives its pages in thousands of ways: a load ends with exactly the rows, or with an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from shared.errors.hierarchy import IngestionError
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.rest import client
from shared.sources.rest.asks import ALONE
from shared.sources.rest.client import ApiClient, Patience
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.gathering import Gathering
from shared.sources.rest.page import PageReader
from shared.sources.rest.pagination import all_pages
from shared.sources.rest.tables import ROOT
from tests.api_server import ApiServer
from tests.integration.rest.conftest import api_job
from tests.integration.rest.model_api import ENDING, ModelApi, Walk, sequences

_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause takes time."""
    monkeypatch.setattr(client, "PATIENCE", Patience(attempts=6, first_pause=0.0, longest_pause=1))


@settings(max_examples=150, deadline=None, suppress_health_check=_SHARED)
@given(walk=sequences())
def test_a_load_ends_with_exactly_the_rows_or_with_an_error(server: ApiServer, walk: Walk) -> None:
    check(server, walk)


def check(server: ApiServer, walk: Walk) -> None:
    """Load one sequence and compare."""
    api = ModelApi(walk)
    server.endpoints["/model"] = api
    try:
        ids = load(server, api_job("/model", **walk.cells))
    except IngestionError as error:
        event(f"error: {type(error).__name__}")
        assert walk.change or set(walk.faults.values()) & set(ENDING), error  # noqa: PT017 - most raise nothing
        return
    event("rows, though they changed" if walk.change else "rows")
    assert len(ids) == len(set(ids))
    assert set(ids) <= api.ever
    stable = {2 * n for n in range(1, walk.rows + 1)} - api.gone
    assert stable <= set(ids)
    if not walk.change:
        assert ids == sorted(stable)


def load(server: ApiServer, job: Job) -> list[Any]:
    """The ids of the rows of a load, in the order of its pages; raises what a load raises."""
    secret = Secret({"base_url": server.url})
    api, gathering = ApiClient(job, RestConnection.of(secret, "model"), secret), Gathering(job, None)
    try:
        reader = PageReader(job, api)
        for page in all_pages(reader, reader.call({}, ALONE)):
            gathering.add(page, [row for row in page.rows if row is not None])
        gathering.finish(ALONE)
        return [value for run in gathering.runs() for value in run.tables[ROOT].column("id").to_pylist()]
    finally:
        api.close()
        gathering.close()
