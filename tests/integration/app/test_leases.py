"""The lease of a job, where storage answers as it should not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.isolation.leases import JobBusyError, job_lease
from tests.app_process import app_process
from tests.faults.storage_proxy import Fault, StorageProxy


@pytest.fixture
def storage(services: LocalServices, container: ContainerClient, tmp_path: Path) -> Iterator[StorageProxy]:
    """This process in the app's place, behind a proxy that may break what it asks of storage."""
    azurite = services.azurite
    with (
        StorageProxy(tmp_path, services.certificates, azurite.blob_url, azurite.table_url) as proxy,
        app_process(services, CONFIG_CONTAINER=container.container_name, **proxy.settings()),
    ):
        yield proxy


def test_a_lease_that_cannot_be_given_back_takes_nothing_from_what_was_done_under_it(storage: StorageProxy) -> None:
    """The answer has no message, over which the SDK raises a TypeError."""
    storage.decide = lambda request: Fault("answer", status=403) if request.stage == "release lease" else None
    with job_lease("orders", "run-1"):
        done = True
    assert done
    assert [request.stage for request in storage.requests].count("release lease") == 1
    with pytest.raises(JobBusyError, match="run-1"), job_lease("orders", "run-2"):  # until it lapses
        pass
