"""Blobs beside the workbook that are no longer needed: leases of jobs that are gone, old uploads, old versions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from shared.housekeeping.budget import Budget
from shared.isolation.leases import LEASES
from shared.jobs.wildcards import base_job_id

_STAMPED = re.compile(r"(?P<folder>\w+)/(?P<entry>(?P<at>[-\dT]{19}\.\d{6})Z-(?P<sha>[0-9a-f]{12}))[./]")
_LEASED = (409, 412)


class Limits(NamedTuple):
    """Entries that are older than `before`, or have `entries` newer ones in front of them, are removed."""

    before: datetime
    entries: int


def purge_leases(container: ContainerClient, job_ids: Collection[str], budget: Budget) -> int:
    """Remove the lease blobs of jobs that are not in the workbook any more; one that is held stays.

    Args:
        container: The configuration's container.
        job_ids: Every job of the active workbook, enabled or not.
        budget: What this tick may still remove.
    """
    names = container.list_blob_names(name_starts_with=f"{LEASES}/")
    gone = (name for name in names if base_job_id(name.removeprefix(f"{LEASES}/")) not in job_ids)
    return sum(_deleted(container, name) for name in budget.spend(gone))


def purge_stamped(
    container: ContainerClient, folder: str, limits: Limits, budget: Budget, kept: Collection[str] = ()
) -> int:
    """Remove old entries of the refused uploads or the history, the oldest first, and say how many blobs they were.

    Args:
        container: The configuration's container.
        folder: The folder, whose entries are named by their time and the beginning of their SHA-256.
        limits: What is too old or too many.
        budget: What this tick may still remove.
        kept: SHA-256 of versions that are in use.
    """
    in_use = {sha256[:12] for sha256 in kept}
    return sum(_deleted(container, name) for name in budget.spend(_outdated(container, folder, limits, in_use)))


def _outdated(container: ContainerClient, folder: str, limits: Limits, in_use: Collection[str]) -> Iterator[str]:
    entries: dict[str, list[str]] = {}
    found = {}
    for name in container.list_blob_names(name_starts_with=f"{folder}/"):
        if stamp := _STAMPED.match(name):
            found[stamp["entry"]] = stamp
            entries.setdefault(stamp["entry"], []).append(name)
    oldest_first = sorted(entries)
    too_many = set(oldest_first[: max(len(oldest_first) - limits.entries, 0)])
    for entry in oldest_first:
        at = datetime.strptime(found[entry]["at"], "%Y-%m-%dT%H-%M-%S.%f").replace(tzinfo=UTC)
        if found[entry]["sha"] not in in_use and (at < limits.before or entry in too_many):
            yield from entries[entry]


def _deleted(container: ContainerClient, name: str) -> bool:
    with suppress(ResourceNotFoundError):
        try:
            container.delete_blob(name)
        except HttpResponseError as error:
            if error.status_code not in _LEASED:
                raise
            return False
        return True
    return False
