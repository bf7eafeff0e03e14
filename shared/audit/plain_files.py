"""Which files of the lake still hold plain values of columns that are masked now.

Each load's record says since which load each column has been masked. A file of an earlier load holds plain values,
until the load that replaced it, or maintenance, has removed it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

from shared.identity import blob_service
from shared.jobs.lake_layout import COMPACTION, RECORDS, STAGE, lake_path
from shared.jobs.masks import MASKED_SINCE
from shared.models.job import Job

_OF_A_LOAD = re.compile(r"(?P<load_id>\d{9,}\.\d+)\.[^/]+\.parquet$")
_CLOCKS_DIFFER = timedelta(minutes=10).total_seconds()


@dataclass(frozen=True)
class PlainFile:
    """A file with plain values.

    Attributes:
        path: Its path in the container.
        size: Its bytes.
        written_at: When it was written.
        columns: The masked columns of which it has, or may have, plain values.
    """

    path: str
    size: int
    written_at: datetime
    columns: tuple[str, ...]


def plain_files(job: Job) -> list[PlainFile]:
    """The files of a job's dataset that may hold plain values of its masked columns, by their paths.

    A file whose load is not known counts by the time at which it was written, with ten minutes for clocks that differ:
    rather one too many than one too few.

    Args:
        job: A job whose tables are in the lake.
    """
    if not job.masked_columns:
        return []
    container_name, _, folder = lake_path(job).partition("/")
    container = blob_service("LakeStorage").get_container_client(container_name)
    try:
        blobs = list(container.list_blobs(name_starts_with=f"{folder}/"))
    except ResourceNotFoundError:  # the container is made by the first load
        return []
    since = _since(container, blobs, f"{folder}/{RECORDS}/", job)
    loads = _loads_in_logs(container, blobs)
    found = []
    for blob in blobs:
        if not (blob.size and (blob.name.endswith(".parquet") or f"/{STAGE}/" in blob.name)):
            continue
        written = _written(blob, loads)
        if columns := tuple(name for name, first in since.items() if first is None or written < first):
            found.append(PlainFile(blob.name, blob.size, blob.last_modified, columns))
    return sorted(found, key=lambda file: file.path)


def _since(container: ContainerClient, blobs: list[BlobProperties], records: str, job: Job) -> dict[str, float | None]:
    """By masked column the first load that has masked it without a load after it that has not; None if none has."""
    named = {_load_in_name(blob.name): blob for blob in blobs if blob.name.startswith(f"{records}load__") and blob.size}
    if not named:
        return dict.fromkeys(job.masked_columns, None)
    newest = max(named)
    record = json.loads(container.download_blob(named[newest].name).readall())
    known = record.get(MASKED_SINCE) or {}
    load = record.get(COMPACTION, record)["load_id"]  # a compaction repeats the record of the last load
    return {name: float(known[name] or load) if name in known else None for name in job.masked_columns}


def _load_in_name(name: str) -> float:
    return float(name.removesuffix(".jsonl").rpartition("__")[2])


def _written(blob: BlobProperties, loads: Mapping[str, float]) -> float:
    """The load that has written a file, or the earliest time at which it may have been written."""
    if blob.name in loads:
        return loads[blob.name]
    if named := _OF_A_LOAD.search(blob.name):
        return float(named["load_id"])
    moment: datetime = blob.last_modified
    return moment.astimezone(UTC).timestamp() - _CLOCKS_DIFFER


def _loads_in_logs(container: ContainerClient, blobs: list[BlobProperties]) -> dict[str, float]:
    """The load that has first added each file of a Delta table, as far as the tables' logs still say it."""
    loads: dict[str, float] = {}
    for blob in sorted(blobs, key=lambda one: str(one.name)):
        folder, log, entry = blob.name.rpartition("/_delta_log/")
        if log and entry.endswith(".json"):
            load_id, added = _commit(container.download_blob(blob.name).readall())
            for path in added if load_id else ():
                loads.setdefault(f"{folder}/{path}", load_id)
    return loads


def _commit(content: bytes) -> tuple[float, list[str]]:
    """The load that a commit of a log names, 0 for none, and the files that it adds."""
    actions = [json.loads(line) for line in content.splitlines() if line]
    load_id = next((_load_of(action["commitInfo"]) for action in actions if "commitInfo" in action), 0.0)
    return load_id, list(_added(actions))


def _load_of(commit: Mapping[str, Any]) -> float:
    try:
        return float(commit.get("load_id", 0))
    except ValueError:  # a commit that empties a table
        return 0.0


def _added(actions: list[dict[str, Any]]) -> Iterator[str]:
    for action in actions:
        if "add" in action:
            yield str(action["add"]["path"])
