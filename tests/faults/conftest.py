"""One broken app per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localhost.services import LocalServices
from tests.faults.rig import BrokenApp, broken_app


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    """The app, behind proxies; its host is kept warm over the tests of a module."""
    with broken_app(services, tmp_path_factory.mktemp("broken")) as started:
        yield started
