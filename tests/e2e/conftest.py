"""The app under `localhost`, started once per test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localhost.services import LocalServices
from tests.e2e.app import App


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A running app; its state lives in a folder that outlasts restarts of the host."""
    folder: Path = tmp_path_factory.mktemp("host")
    started = App(services, folder)
    with started.host:
        yield started
