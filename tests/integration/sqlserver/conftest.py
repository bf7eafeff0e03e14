"""A SQL Server stand-in with tables of a test's own, and loads of them by both drivers into local Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.secrets import Secret
from tests.integration.sources.conftest import Lake
from tests.tds_standin.service import DRIVERS, TdsService


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsService]:
    """A server that all modules share."""
    with TdsService(tmp_path_factory.mktemp("tds")) as started:
        yield started


@pytest.fixture
def no_faults(server: TdsService) -> Iterator[None]:
    """No test leaves faults to the next one."""
    yield
    server.clear()


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """Each driver of the product, as a secret names it."""
    return str(request.param)


@pytest.fixture
def lake(tmp_path: Path, server: TdsService, driver: str, no_faults: None) -> Lake:
    """A lake of the test's own, filled from the server by each driver."""
    return Lake(tmp_path, Secret(server.secret(driver)))
