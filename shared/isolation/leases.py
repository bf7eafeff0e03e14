"""One job at a time: a blob lease per job, renewed while it runs, taken over only when it has lapsed.

Each execution has its own lease, also within one run: Durable Functions hands an activity out again when its host
has been silent for minutes, and a host that was only frozen then continues beside the second execution. The later one
waits until the lease of the earlier one has lapsed; the earlier one, once it continues, finds that it lost the job.
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

from shared.errors.hierarchy import IngestionError, LeaseLostError, TransientError
from shared.identity import blob_service
from shared.models.run_ids import MAINTENANCE_RUN
from shared.settings import settings

log = logging.getLogger(__name__)


LEASES = "leases"  # the folder of the configuration's container


RENEWALS = 4  # tries in the time of one lease


_GONE = (404, 409, 412)  # what the service says of a lease that lapsed or is another's


class JobBusyError(IngestionError):
    """Another run holds the job, or a maintenance of its tables, which is soon over and worth waiting for."""

    kind = "busy"

    def __init__(self, job_id: str, run_id: str) -> None:
        self.retryable = run_id.startswith(MAINTENANCE_RUN)
        by = f"maintained by {run_id}" if self.retryable else f"loaded by run {run_id}"
        super().__init__(f"Job '{job_id}' is being {by}; one run of a job at a time.")
        self.run_id = self.held_by = run_id


class StillHeldError(TransientError):
    """An earlier execution of this very run holds the job, or is only just taking it; it ends or lapses soon."""

    kind = "still_held"

    def __init__(self, job_id: str, seconds: int) -> None:
        super().__init__(f"Job '{job_id}' is still held by an earlier execution of its attempt.", seconds + 1)


@dataclass
class JobLease:
    """A lease of `seconds` that is held. `lost` is set when it could not be renewed in time."""

    lease: BlobLeaseClient
    seconds: int
    lost: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def lease_id(self) -> str:
        """The id by which a child proves that it works under this lease."""
        return self.lease.id

    def raise_if_lost(self) -> None:
        """Raises LeaseLostError once the lease could not be renewed in time."""
        if self.lost.is_set():
            raise LeaseLostError("The job's lease could not be renewed.")

    def keep(self) -> None:
        """Renew until released; runs in its own thread."""
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
        StillHeldError: an earlier execution of this run does.
    """
    blob = _lease_blob(job_id)
    client = BlobLeaseClient(blob, lease_id=str(uuid.uuid4()))
    _acquire(client, blob, job_id, run_id)
    try:
        with renewed(client, job_id) as held:
            yield held
    finally:
        _release(client, blob, job_id)


@contextmanager
def renewed(client: BlobLeaseClient, name: str) -> Iterator[JobLease]:
    """Renew a lease that was acquired, in a thread, as long as the context lasts."""
    held = JobLease(client, settings().lease_seconds)
    thread = threading.Thread(target=held.keep, name=f"lease-{name}", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.released.set()
        thread.join()


def is_held_by(job_id: str, run_id: str) -> bool:
    """Whether a run holds a job, or it was only just taken, and its run is not noted yet."""
    try:
        found = _lease_blob(job_id).get_blob_properties()
    except ResourceNotFoundError:
        return False
    return found.lease.state == "leased" and found.metadata.get("run_id") in (None, run_id)


def assert_held(job_id: str, lease_id: str | None) -> None:
    """Renew the lease once, from the process that runs the attempt, right before something is committed.

    Args:
        job_id: The job.
        lease_id: `JobLease.lease_id` of the execution that the work belongs to.

    Raises:
        LeaseLostError: another execution has taken the job over, or there never was a lease.
    """
    lost = LeaseLostError(
        f"Job '{job_id}': the lease was lost while the attempt made no progress, and may be another's now; "
        "nothing was committed."
    )
    if lease_id is None:
        raise lost
    try:
        BlobLeaseClient(_lease_blob(job_id), lease_id=lease_id).renew()
    except HttpResponseError as error:
        if error.status_code not in _GONE:
            raise
        raise lost from None


def _acquire(client: BlobLeaseClient, blob: BlobClient, job_id: str, run_id: str) -> None:
    seconds = settings().lease_seconds
    try:
        acquire_or_create(client, blob)
    except ResourceExistsError:
        holder = blob.get_blob_properties().metadata.get("run_id")
        if holder in (None, run_id):
            raise StillHeldError(job_id, seconds) from None
        raise JobBusyError(job_id, holder) from None
    try:
        blob.set_blob_metadata({"run_id": run_id}, lease=client)
    except Exception:
        _release(client, blob, job_id)  # or the next attempt would find the job held under another run's name
        raise


def _release(client: BlobLeaseClient, blob: BlobClient, job_id: str) -> None:
    """Give the job back without a name on it: a job that is held without a name has a holder that just began."""
    try:
        blob.set_blob_metadata({}, lease=client)
        client.release()
    except Exception as error:  # what was done is done, and the lease lapses by itself
        log.info("The lease of job %s could not be released: %s: %s", job_id, type(error).__name__, error)


def acquire_or_create(client: BlobLeaseClient, blob: BlobClient) -> None:
    """Acquire the lease of a blob, which is made first if it does not exist.

    Raises:
        ResourceExistsError: another holder has it.
    """
    seconds = settings().lease_seconds
    try:
        client.acquire(seconds)
    except ResourceNotFoundError:
        _create(blob)
        client.acquire(seconds)


def _create(blob: BlobClient) -> None:
    with suppress(ResourceExistsError):  # another instance made it meanwhile
        blob.upload_blob(b"", overwrite=False)


def _lease_blob(job_id: str) -> BlobClient:
    return blob_service("ConfigStorage").get_blob_client(settings().config_container, f"{LEASES}/{job_id}")
