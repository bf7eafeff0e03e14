"""An Oracle stand-in with tables of a test's own, and loads of them into local Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.secrets import Secret
from tests.conftest import unique_name
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService


@pytest.fixture(scope="module", params=["19", "23"])
def oracle(request: pytest.FixtureRequest) -> Iterator[OracleService]:
    """A server of each protocol that a module shares."""
    with OracleService(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def oracle23() -> Iterator[OracleService]:
    """One server, for what does not depend on the protocol."""
    with OracleService() as started:
        yield started


@pytest.fixture
def table() -> str:
    """The name of a table that does not exist yet, as Oracle spells it."""
    return unique_name().upper()


@pytest.fixture
def lake(tmp_path: Path, oracle: OracleService) -> Lake:
    """A lake of the test's own, filled from that server."""
    return Lake(tmp_path, Secret(oracle.secret))


@pytest.fixture
def lake23(tmp_path: Path, oracle23: OracleService) -> Lake:
    """The same for the one server."""
    return Lake(tmp_path, Secret(oracle23.secret))
