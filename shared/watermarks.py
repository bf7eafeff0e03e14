"""The ledger of watermarks: a row for every committed load, beside the audit rows.

dlt's state in the lake is what a load goes on from; the ledger is the witness. A job of which the ledger knows loads
while the lake knows nothing must not quietly begin again from the start.

| PartitionKey | RowKey |
| --- | --- |
| `ledger:{job_id}` | inverted time of the load, so that the newest comes first |
"""

from __future__ import annotations

from datetime import datetime, timezone

from azure.data.tables import UpdateMode

from shared.audit import Row, audit_table, newest_first
from shared.audit_properties import as_properties, as_row
from shared.lake_layout import dataset_path
from shared.models import Job, JobResult


def record_load(job: Job, result: JobResult) -> None:
    """Write the load of a successful attempt; nothing where it loaded nothing."""
    if result.load_id is None:
        return
    row = {
        "PartitionKey": f"ledger:{job.job_id}",
        "RowKey": newest_first(datetime.fromtimestamp(float(result.load_id), timezone.utc)),
        "load_id": result.load_id,
        "run_id": result.run_id,
        "dataset": dataset_path(job),
        "watermark_column": job.watermark_column,
        "watermark_before": result.watermark_before,
        "watermark_after": result.watermark_after,
        "rows": result.rows_written,
        "bytes": result.bytes_written,
        "committed_at": result.ended_at,
    }
    audit_table().upsert_entity(as_properties(row), mode=UpdateMode.REPLACE)


def last_load(job: Job) -> Row | None:
    """The newest load of a job into the dataset that it names now, or None."""
    query = "PartitionKey eq @key and dataset eq @dataset"
    parameters = {"key": f"ledger:{job.job_id}", "dataset": dataset_path(job)}
    return next(map(as_row, audit_table().query_entities(query, parameters=parameters, results_per_page=1)), None)


def evidence(row: Row) -> str:
    """What the ledger knows of a load, as half a sentence for an error message."""
    return f"load {row['load_id']} of run {row['run_id']} (watermark {row.get('watermark_after', 'none')})"
