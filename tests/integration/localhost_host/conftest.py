"""A host that the tests share, and one of a test alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from tests.integration.localhost_host.sample import Sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """A running host that all tests share which do not stop it."""
    shared = Sample(tmp_path_factory.mktemp("sample"))
    with shared.host:
        yield shared


@pytest.fixture
def own_sample(tmp_path: Path) -> Iterator[Sample]:
    """A host of the test's own, not started yet."""
    own = Sample(tmp_path)
    yield own
    own.host.stop()


@pytest.fixture
def watching(tmp_path: Path, container: ContainerClient, services: LocalServices) -> Iterator[Sample]:
    """A host whose blob functions watch `container`, through the managed identity; not started yet."""
    sample = Sample(
        tmp_path,
        SAMPLE_CONTAINER=container.container_name,
        ConfigStorage__credential="managedidentity",
        **services.environment(),
    )
    yield sample
    sample.host.stop()
