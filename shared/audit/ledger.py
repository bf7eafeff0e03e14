"""The ledger of watermarks: a row for every committed load, and one for every watermark that was set by hand.

dlt's state in the lake is where a load continues; the ledger is the witness. A job of which the ledger knows loads
while the lake knows nothing must not quietly begin again from the start. A watermark that was set by hand outranks the
state until a load that started there has committed: the record of that load, and of every one after it, names the
rewind, so a rewind is carried out once, even if something dies in between.

| PartitionKey | RowKey |
| --- | --- |
| `ledger:{job_id}` | inverted time of the load, so that the newest comes first |
| `rewind:{job_id}` | inverted time of the rewind |
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from azure.data.tables import UpdateMode

from shared.audit.properties import as_properties, as_row
from shared.audit.table import Row, audit_table, newest_first
from shared.jobs.destinations import dataset_path, destination_type
from shared.models.attempt import JobResult, Rewind
from shared.models.job import Job, LoadType


def record_load(job: Job, result: JobResult) -> None:
    """Write the load of a successful attempt; nothing if it loaded nothing."""
    if result.load_id is None:
        return
    row = {
        "PartitionKey": f"ledger:{job.job_id}",
        "RowKey": newest_first(datetime.fromtimestamp(float(result.load_id), UTC)),
        "run_id": result.run_id,
        "dataset": dataset_path(job),
        "watermark_column": job.watermark_column,
        **result.figures(),
        "committed_at": result.ended_at,
    }
    audit_table().upsert_entity(as_properties(row), mode=UpdateMode.REPLACE)


def last_load(job: Job) -> Row | None:
    """The newest load of a job into the dataset that it names now, or None."""
    return _newest("ledger", job)


def find_load(job: Job, load_id: str) -> Row | None:
    """One load of a job into the dataset that it names now, or None."""
    return _newest("ledger", job, load_id)


def evidence(row: Row) -> str:
    """What the ledger knows of a load, as half a sentence for an error message."""
    return f"load {row['load_id']} of run {row['run_id']} (watermark {row.get('watermark_after', 'none')})"


def record_rewind(job: Job, watermark: str | None, details: Mapping[str, Any]) -> None:
    """Write that the next load starts elsewhere; the caller holds the job's lease.

    Args:
        job: The job.
        watermark: Where it starts; None for the very start.
        details: Who asked for it and what else the ledger records.
    """
    now = datetime.now(UTC)
    row = {
        "PartitionKey": f"rewind:{job.job_id}",
        "RowKey": newest_first(now),
        "dataset": dataset_path(job),
        "watermark_column": job.watermark_column,
        "watermark": watermark,
        "time": now,
        **details,
    }
    audit_table().upsert_entity(as_properties(row), mode=UpdateMode.REPLACE)


def last_rewind(job: Job) -> Rewind | None:
    """The newest watermark that was set by hand, whether a load has started there or not; None if there is none."""
    if not can_be_rewound(job):
        return None
    row = _newest("rewind", job)
    return Rewind(key=row["RowKey"], watermark=row.get("watermark")) if row else None


def can_be_rewound(job: Job) -> bool:
    """Whether the job's loads keep a record of which rewind was carried out."""
    return job.load_type is LoadType.INCREMENTAL and destination_type(job.destination).keeps_record


def next_watermark(job: Job) -> str | None:
    """Where the next load starts as far as the ledger knows; None for the very start."""
    load, rewind = last_load(job), _newest("rewind", job)
    if rewind and (load is None or rewind["time"] > load["committed_at"]):
        return rewind.get("watermark")
    return load.get("watermark_after") if load else None


def _newest(ledger: str, job: Job, load_id: str | None = None) -> Row | None:
    query = "PartitionKey eq @key and dataset eq @dataset"
    parameters = {"key": f"{ledger}:{job.job_id}", "dataset": dataset_path(job)}
    if load_id:
        query, parameters["load_id"] = f"{query} and load_id eq @load_id", load_id
    return next(map(as_row, audit_table().query_entities(query, parameters=parameters, results_per_page=1)), None)
