"""One job at a time: a blob lease per job, renewed while it runs, taken over only when it has lapsed.

The lease's id follows from run and job, so that a run that is carried on after its host died takes its own lease up
again at once, while any other run finds the job held until the lease lapses.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient

from shared.errors.hierarchy import IngestionError, LeaseLostError
from shared.identity import blob_service
from shared.models.run_ids import MAINTENANCE_RUN
from shared.settings import settings

log = logging.getLogger(__name__)


LEASES = "leases"  # the folder of the configuration's container


RENEWALS = 4  # tries in the time of one lease


_GONE = (404, 409, 412)  # what the service says of a lease that lapsed or is another's


_NAMESPACE = uuid.UUID("5d1f4d0e-6c1b-4d5c-9a43-2f0a4f7f9c11")


class JobBusyError(IngestionError):
    """Another run holds the job, or a maintenance of its tables, which is soon over and worth waiting for."""

    kind = "busy"

    def __init__(self, job_id: str, run_id: str) -> None:
        self.retryable = run_id.startswith(MAINTENANCE_RUN)
        by = f"maintained by {run_id}" if self.retryable else f"loaded by run {run_id}"
        super().__init__(f"Job '{job_id}' is being {by}; one run of a job at a time.")
        self.run_id = run_id


@dataclass
class JobLease:
    """A lease of `seconds` that is held. `lost` is set when it could not be renewed in time."""

    lease: BlobLeaseClient
    seconds: int
    lost: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def raise_if_lost(self) -> None:
        """Raises LeaseLostError once the lease could not be renewed in time."""
        if self.lost.is_set():
            raise LeaseLostError("The job's lease could not be renewed.")

    def keep(self) -> None:
        """Renew until released; runs in a thread of its own."""
        renewed_at = time.monotonic()
        while not self.released.wait(self.seconds / RENEWALS):
            asked_at = time.monotonic()
            try:
                self.lease.renew()
                renewed_at = asked_at
            except Exception as error:  # the network: tried again as long as the lease can still be ours
                gone = isinstance(error, HttpResponseError) and error.status_code in _GONE
                if gone or time.monotonic() - renewed_at >= self.seconds:
                    self.lost.set()
                    return


@contextmanager
def job_lease(job_id: str, run_id: str) -> Iterator[JobLease]:
    """Hold the lease of a job.

    Raises:
        JobBusyError: another run holds it.
    """
    blob = _lease_blob(job_id)
    client = BlobLeaseClient(blob, lease_id=lease_id(job_id, run_id))
    _acquire(client, blob, job_id, run_id)
    held = JobLease(client, settings().lease_seconds)
    thread = threading.Thread(target=held.keep, name=f"lease-{job_id}", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.released.set()
        thread.join()
        try:
            client.release()
        except Exception as error:  # what was done is done, and the lease lapses by itself
            log.info("The lease of job %s could not be released: %s: %s", job_id, type(error).__name__, error)


def assert_held(job_id: str, run_id: str) -> None:
    """Renew the lease once, from wherever the attempt runs, right before something is committed.

    Raises:
        LeaseLostError: another run has taken the job over.
    """
    try:
        BlobLeaseClient(_lease_blob(job_id), lease_id=lease_id(job_id, run_id)).renew()
    except HttpResponseError as error:
        if error.status_code not in _GONE:
            raise
        raise LeaseLostError(
            f"Job '{job_id}': the lease was lost while the attempt stood still, and may be another run's now; "
            "nothing was committed."
        ) from None


def lease_id(job_id: str, run_id: str) -> str:
    """The id under which a run holds a job."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}/{job_id}"))


def _acquire(client: BlobLeaseClient, blob: BlobClient, job_id: str, run_id: str) -> None:
    seconds = settings().lease_seconds
    try:
        try:
            client.acquire(seconds)
        except ResourceNotFoundError:
            _create(blob)
            client.acquire(seconds)
    except ResourceExistsError:
        holder = blob.get_blob_properties().metadata.get("run_id", "unknown")
        raise JobBusyError(job_id, holder) from None
    blob.set_blob_metadata({"run_id": run_id}, lease=client)


def _create(blob: BlobClient) -> None:
    with suppress(ResourceExistsError):  # another instance made it meanwhile
        blob.upload_blob(b"", overwrite=False)


def _lease_blob(job_id: str) -> BlobClient:
    return blob_service("ConfigStorage").get_blob_client(settings().config_container, f"{LEASES}/{job_id}")
