"""The local services, started once per test session (and per xdist worker), and a place of its own for each test."""

from __future__ import annotations

import gc
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from tests.app_process import set_environment

# The same examples every time, and a machine that pauses for a moment fails none of them.
hypothesis.settings.register_profile(
    "suite", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Keep what was imported out of the garbage collector's sight: it cost a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


_MEMORY = Path("/dev/shm")  # Linux's file system in memory
_ENOUGH_MEMORY = 8 * 1024**3


def _data_folder() -> str | None:
    """Where the services keep their data: in memory where there is room, for Azurite syncs every block to the disk."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH_MEMORY
    return str(_MEMORY) if roomy else None


@contextmanager
def service_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter.

    Run by root, PostgreSQL becomes a user who may not enter pytest's folders.
    """
    # A killed owner's PostgreSQL may still write while it shuts down.
    with tempfile.TemporaryDirectory(
        prefix="local-services-", dir=_data_folder(), ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def services() -> Iterator[LocalServices]:
    """Storage, identity, vault and PostgreSQL. A test may stop and start one of them: data and addresses stay."""
    with service_folder() as folder, LocalServices(folder) as started:
        yield started


@pytest.fixture
def environment(services: LocalServices, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the variables by which the app and the SDKs find the services, in this process, and return them."""
    return set_environment(services, monkeypatch)


@pytest.fixture
def database(services: LocalServices) -> str:
    """The name of a new, empty database on `services.postgres`."""
    name = unique_name()
    services.postgres.create_database(name)
    return name


@pytest.fixture
def container(services: LocalServices) -> ContainerClient:
    """A new, empty blob container, seen with the account key."""
    return services.create_container(unique_name())


def unique_name() -> str:
    """A name valid for databases, containers and tables alike."""
    return f"test{uuid.uuid4().hex[:12]}"
