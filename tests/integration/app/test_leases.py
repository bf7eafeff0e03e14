"""The lease of a job, where storage answers as it should not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from localhost.services import LocalServices
from shared.errors.hierarchy import LeaseLostError
from shared.isolation.leases import JobBusyError, StillHeldError, assert_held, job_lease
from shared.settings import settings
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
    with pytest.raises(StillHeldError), job_lease("orders", "run-2"):  # until it lapses: it waits and is not skipped
        pass


def test_a_job_is_held_by_one_execution_also_within_one_run(storage: StorageProxy) -> None:
    with job_lease("orders", "run-1") as first:
        with pytest.raises(StillHeldError) as held, job_lease("orders", "run-1"):
            pass
        assert (held.value.retryable, held.value.retry_after_seconds) == (True, settings().lease_seconds + 1)
        with pytest.raises(JobBusyError, match="run-1"), job_lease("orders", "run-2"):
            pass
        assert_held("orders", first.lease_id)
    with job_lease("orders", "run-1") as second:
        assert second.lease_id != first.lease_id
        with pytest.raises(LeaseLostError, match="nothing was committed"):
            assert_held("orders", first.lease_id)
        with pytest.raises(LeaseLostError):
            assert_held("orders", None)
        assert_held("orders", second.lease_id)


def test_a_lease_that_cannot_be_named_is_given_back(storage: StorageProxy) -> None:
    """Else the job's next attempt would find it held in the name of an earlier run, and be skipped."""
    with job_lease("orders", "run-1"):
        pass
    storage.decide = lambda request: Fault("answer", status=403) if request.stage == "name lease" else None
    with pytest.raises((HttpResponseError, TypeError)), job_lease("orders", "run-2"):  # the SDK stumbles over it
        pass
    storage.decide = lambda _request: None
    with job_lease("orders", "run-3"):
        pass
