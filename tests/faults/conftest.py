"""One broken app per module; what each test counts as in the report of `make faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from localhost.services import LocalServices
from tests.faults.rig import BrokenApp, broken_app


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    """The app, behind proxies; its host is kept warm over the tests of a module."""
    with broken_app(services, tmp_path_factory.mktemp("broken")) as started:
        yield started


@pytest.fixture(autouse=True)
def fault_class(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Note the class of faults that the test belongs to; a test of many points notes their number as `points`."""
    marker = request.node.get_closest_marker("fault")
    record_property("fault", marker.args[0] if marker else request.node.name)
