"""Ten thousand generated page sequences of an API that throttles, breaks, and changes while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from shared import settings as app_settings
from shared.sources.rest import client
from shared.sources.rest.client import Patience
from tests.api_server import ApiServer
from tests.integration.rest.model_api import Walk, sequences
from tests.integration.rest.test_sequences import check

POINTS = 10_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A server that may be asked, and pauses that take no time."""
    monkeypatch.setenv("API_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setattr(client, "PATIENCE", Patience(attempts=6, first_pause=0.0, longest_pause=1))
    app_settings.settings.cache_clear()
    with ApiServer() as started:
        yield started
    app_settings.settings.cache_clear()


@pytest.mark.campaign
@pytest.mark.fault("REST: generated page sequences")
@settings(max_examples=POINTS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=sequences())
def test_ten_thousand_loads_end_with_exactly_the_rows_or_with_an_error(
    server: ApiServer, record_property: Callable[[str, object], None], walk: Walk
) -> None:
    record_property("points", POINTS)
    check(server, walk)
