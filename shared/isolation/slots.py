"""How many jobs of one source system run at once, over all runs and all instances of the app: a lease for each slot.

A run has as many lanes as its source may have jobs at once, so one run alone never waits; runs that overlap do.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobLeaseClient

from shared.errors.hierarchy import IngestionError
from shared.identity import blob_service
from shared.isolation.leases import LEASES, JobLease, acquire_or_create, renewed
from shared.settings import settings

log = logging.getLogger(__name__)

_given_back: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=32))
"""The slots that this process gave back last, by source: tried first, they are free more often than not."""

_NAMESPACE = uuid.UUID("0c1a6a57-2f5e-4c3e-8f0d-6a1d0a5d8b5e")


class SourceFullError(IngestionError):
    """As many jobs of the source run as it may have at once; the lane waits on a durable timer and asks again."""

    kind = "waiting"
    retryable = True

    def __init__(self, source_name: str, limit: int) -> None:
        super().__init__(
            f"Source '{source_name}' has {limit} jobs running, all that SOURCE_CONCURRENCY or max_concurrent_jobs "
            "allows."
        )


@contextmanager
def source_slot(source_name: str, limit: int, job_id: str, run_id: str) -> Iterator[JobLease]:
    """Hold one of a source's slots.

    Args:
        source_name: The source.
        limit: How many slots it has.
        job_id: Who holds it: a job of a run that is carried on after its host died takes its slot up again.
        run_id: The run.

    Raises:
        SourceFullError: all slots are taken.
    """
    container = blob_service("ConfigStorage").get_container_client(settings().config_container)
    lease_id = str(uuid.uuid5(_NAMESPACE, f"{run_id}/{job_id}"))
    given_back = _given_back[source_name]
    first = given_back.pop() if given_back else 0
    for number in sorted(range(limit), key=lambda number: number != first):
        blob = container.get_blob_client(f"{LEASES}/slots/{quote(source_name, safe='')}/{number}")
        client = BlobLeaseClient(blob, lease_id=lease_id)
        try:
            acquire_or_create(client, blob)
        except ResourceExistsError:
            continue
        try:
            with renewed(client, f"slot-{source_name}-{number}") as slot:
                yield slot
        finally:
            _release(client)
            given_back.append(number)
        return
    raise SourceFullError(source_name, limit)


def _release(client: BlobLeaseClient) -> None:
    try:
        client.release()
    except Exception as error:  # what was done is done, and the lease lapses by itself
        log.info("A slot could not be released: %s: %s", type(error).__name__, error)
