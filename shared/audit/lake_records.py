"""What the lake itself says of a load: its record, which commits it.

An attempt may commit and not live to report it. Before an attempt is recorded as one that has loaded nothing, the lake
is asked; and the next load of the job looks for loads that the ledger does not have.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient

from shared.identity import blob_service
from shared.jobs.destinations import destination_type
from shared.jobs.lake_layout import COMPACTION, RECORDS, lake_path
from shared.jobs.load_times import Window
from shared.models.attempt import JobResult, JobStatus, figures_of
from shared.models.job import Job

log = logging.getLogger(__name__)

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_LOOKED_AT = 10  # records that the ledger lacks, at most
_LONGEST_FRACTION = timedelta(microseconds=1)  # of a load id, which has six digits
_CLOCKS_DIFFER = timedelta(minutes=10)  # at most: a load's id is a time of the machine that loads


def as_committed(result: JobResult, job: Job | None, since: datetime) -> JobResult:
    """The load that the lake has of a job in this very run if the result has none, else the result; never raises.

    Args:
        result: What an attempt of the run came to.
        job: The job; None if the workbook cannot be read.
        since: When the run was requested, UTC.
    """
    try:
        return surely_as_committed(result, job, since)
    except Exception as error:
        log.warning("Whether job %s was loaded after all is not known: %s", result.job_id, error)
        return result


def surely_as_committed(result: JobResult, job: Job | None, since: datetime) -> JobResult:
    """As `as_committed`, but it raises what the lake's storage answers."""
    if result.status is JobStatus.SUCCESS and result.load_id is not None:
        return result
    if job is None or not destination_type(job.destination).keeps_record:
        return result
    record = _record_of(result.run_id, job, since - _CLOCKS_DIFFER)
    if record is None:
        return result
    log.info("Run %s, job %s: load %s was committed all the same", result.run_id, job.job_id, record["load_id"])
    return result_of(record)


def unrecorded_loads(job: Job, last_load_id: str | None) -> list[Mapping[str, Any]]:
    """The records of loads that were committed after the last one in the ledger, the oldest first.

    Args:
        job: The job, whose lease is held.
        last_load_id: The last load that the ledger has; None if it has none.
    """
    if not destination_type(job.destination).keeps_record:
        return []
    since = datetime.fromtimestamp(float(last_load_id), UTC) + _LONGEST_FRACTION if last_load_id else _BEGINNING
    found = [record for record in islice(_records(job, since), _LOOKED_AT) if record.get("job_id") == job.job_id]
    return found[::-1]


def result_of(record: Mapping[str, Any]) -> JobResult:
    """The result of the attempt that wrote a record, as far as it says it."""
    at = datetime.fromtimestamp(float(record["load_id"]), UTC)
    return JobResult(
        run_id=record["run_id"],
        job_id=record["job_id"],
        attempt=record.get("attempt", 1),
        status=JobStatus.SUCCESS,
        started_at=at,
        ended_at=datetime.fromisoformat(record["inserted_at"]),
        **figures_of(record).figures(),
    )


def _record_of(run_id: str, job: Job, since: datetime) -> Mapping[str, Any] | None:
    """The record of the last load that a run has committed."""
    found = (one for one in _records(job, since) if one.get("run_id") == run_id and one.get("job_id") == job.job_id)
    return next(found, None)


def _records(job: Job, since: datetime) -> Iterator[Mapping[str, Any]]:
    """The records of a job's dataset from a time on, the newest first."""
    container_name, _, folder = lake_path(job).partition("/")
    container = blob_service("LakeStorage").get_container_client(container_name)
    for name in _records_since(container, f"{folder}/{RECORDS}/", since):
        content = container.download_blob(name).readall()  # empty: a load that was given up
        if content and COMPACTION not in (record := json.loads(content)):
            yield record


def _records_since(container: ContainerClient, folder: str, since: datetime) -> Iterator[str]:
    """The names of the records of later loads, the newest first."""
    found = {}
    until = (datetime.now(UTC) + _CLOCKS_DIFFER).timestamp()
    try:
        for start in Window.between(since.timestamp(), until).first_digits(until):
            for name in container.list_blob_names(name_starts_with=f"{folder}load__{start}"):
                load_id = float(name.removesuffix(".jsonl").rpartition("__")[2])
                if load_id >= since.timestamp():
                    found[load_id] = name
    except ResourceNotFoundError:  # the container is made by the first load
        return
    for load_id in sorted(found, reverse=True):
        yield found[load_id]
