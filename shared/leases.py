"""One job at a time: a blob lease per job, renewed while it runs, taken over only when it has lapsed.

The lease's id follows from run and job, so that a run that is carried on after its host died takes its own lease up
again at once, while any other run finds the job held until the lease lapses.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient

from shared.errors import IngestionError, LeaseLostError
from shared.identity import blob_service
from shared.settings import settings

LEASE_SECONDS = 60  # the longest that blob storage gives; a dead holder blocks its job for so long
RENEW_SECONDS = 15
_NAMESPACE = uuid.UUID("5d1f4d0e-6c1b-4d5c-9a43-2f0a4f7f9c11")


class JobBusyError(IngestionError):
    """Another run holds the job."""

    kind = "busy"

    def __init__(self, job_id: str, run_id: str) -> None:
        super().__init__(f"Job '{job_id}' is being loaded by run {run_id}; one run of a job at a time.")
        self.run_id = run_id


@dataclass
class JobLease:
    """A lease that is held. `lost` is set when it could not be renewed in time."""

    lease: BlobLeaseClient
    lost: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def keep(self) -> None:
        """Renew until released; runs in a thread of its own."""
        missed = 0
        while not self.released.wait(RENEW_SECONDS):
            try:
                self.lease.renew()
                missed = 0
            except HttpResponseError as error:
                missed += 1
                if error.status_code in (404, 409, 412) or missed * RENEW_SECONDS >= LEASE_SECONDS:
                    self.lost.set()
                    return
            except Exception:  # the network: try again at the next turn, as long as the lease can still be ours
                missed += 1


@contextmanager
def job_lease(job_id: str, run_id: str) -> Iterator[JobLease]:
    """Hold the lease of a job.

    Raises:
        JobBusyError: another run holds it.
    """
    blob = _lease_blob(job_id)
    client = BlobLeaseClient(blob, lease_id=lease_id(job_id, run_id))
    _acquire(client, blob, job_id, run_id)
    held = JobLease(client)
    thread = threading.Thread(target=held.keep, name=f"lease-{job_id}", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.released.set()
        thread.join()
        with suppress(HttpResponseError):  # it lapsed, or was taken over: nothing to give back
            client.release()


def assert_held(job_id: str, run_id: str) -> None:
    """Renew the lease once, from wherever the attempt runs, right before something is committed.

    Raises:
        LeaseLostError: another run has taken the job over.
    """
    try:
        BlobLeaseClient(_lease_blob(job_id), lease_id=lease_id(job_id, run_id)).renew()
    except HttpResponseError as error:
        if error.status_code not in (404, 409, 412):
            raise
        raise LeaseLostError(
            f"Job '{job_id}': the lease was lost while the attempt stood still, and may be another run's now; "
            "nothing was committed."
        ) from None


def lease_id(job_id: str, run_id: str) -> str:
    """The id under which a run holds a job."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}/{job_id}"))


def _acquire(client: BlobLeaseClient, blob: BlobClient, job_id: str, run_id: str) -> None:
    try:
        try:
            client.acquire(LEASE_SECONDS)
        except ResourceNotFoundError:
            _create(blob)
            client.acquire(LEASE_SECONDS)
    except ResourceExistsError:
        holder = blob.get_blob_properties().metadata.get("run_id", "unknown")
        raise JobBusyError(job_id, holder) from None
    blob.set_blob_metadata({"run_id": run_id}, lease=client)


def _create(blob: BlobClient) -> None:
    with suppress(ResourceExistsError):  # another instance made it meanwhile
        blob.upload_blob(b"", overwrite=False)


def _lease_blob(job_id: str) -> BlobClient:
    return blob_service("ConfigStorage").get_blob_client(settings().config_container, f"leases/{job_id}")
