"""One load of one table, each way in its own process: `python -m benchmarks.ways` reads what to load, prints figures.

Seconds are those of the load alone. The interpreter's start and the imports, some three seconds for dlt, are the same
for every way, and the app pays them once for all its loads.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import dlt
import psycopg
import pyarrow.parquet as pq
import sqlalchemy as sa
from adbc_driver_postgresql import StatementOptions
from dlt.common.destination import Destination
from dlt.sources.sql_database import sql_table

from benchmarks.drivers import driver_batches
from benchmarks.local_lake import lake_in
from shared.identity import blob_service
from shared.isolation.leases import job_lease
from shared.lake.adls import lake_credentials
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder, JobStatus
from shared.models.job import Job
from shared.secrets import Secret

_RUN_ID = f"benchmark-{os.getpid()}"  # a run that has loaded already would load nothing

_PYARROW: dict[str, Any] = {"backend": "pyarrow", "chunk_size": 100_000}

Order = dict[str, Any]
"""`connection` as in a secret, `source_type` and `schema` as in the workbook, `url` for SQLAlchemy, `tables` (most ways
take one), `container`, `folder` for what a way writes."""


def ours_local(order: Order) -> int:
    """The app's pipeline, but into a folder."""
    with lake_in(Path(order["folder"], "lake")):
        return _run_attempt(order)


def ours_azurite(order: Order) -> int:
    """The app's pipeline into the local stand-in for blob storage, over HTTPS, signed in by identity."""
    with job_lease(_job(order).job_id, _RUN_ID) as lease:
        return _run_attempt(order, lease.lease_id)


def ours_pyodbc(order: Order) -> int:
    """The app's pipeline into a folder, by pyodbc instead of the driver that mssql-python brings."""
    return ours_local({**order, "connection": {**order["connection"], "driver": "pyodbc"}})


def driver_floor(order: Order) -> int:
    """What a stand-in can give: all rows by the database's own driver as Arrow, thrown away."""
    return sum(batch.num_rows for batch in driver_batches(order, _table(order)))


def copy_floor(order: Order) -> int:
    """What the server can give: `COPY … (FORMAT binary)`, thrown away."""
    with psycopg.connect(order["url"]) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY {_table(order)} TO STDOUT (FORMAT binary)") as copy:
            for _ in copy:
                pass
        return cursor.rowcount


def adbc_parquet(order: Order) -> int:
    """ADBC straight into one Parquet file, one after the other."""
    with adbc_driver_postgresql.dbapi.connect(order["url"]) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(64 << 20)})
        cursor.execute(f"SELECT * FROM {_table(order)}")
        reader = cursor.fetch_record_batch()
        rows = 0
        with pq.ParquetWriter(Path(order["folder"], "adbc.parquet"), reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def dlt_pyarrow(order: Order) -> int:
    """Dlt as it comes, with the backend of dlt's own examples; several tables one after another."""
    return _plain_dlt(order, **_PYARROW)


def dlt_pyarrow_azurite(order: Order) -> int:
    """The same into the local stand-in for blob storage, where the app's tables go."""
    account = lake_credentials(blob_service("LakeStorage"))
    lake = dlt.destinations.filesystem(f"az://{order['container']}/plain", **account)
    return _plain_dlt(order, lake, **_PYARROW)


def dlt_sqlalchemy(order: Order) -> int:
    """Dlt as it comes, with the backend that it has if none is named."""
    return _plain_dlt(order, backend="sqlalchemy", chunk_size=100_000)


def dlt_connectorx(order: Order) -> int:
    """Dlt as it comes, with connectorx."""
    return _plain_dlt(order, backend="connectorx", backend_kwargs={"return_type": "arrow_stream"})


WAYS: dict[str, Callable[[Order], int]] = {
    "ours-local": ours_local,
    "ours-azurite": ours_azurite,
    "ours-pyodbc": ours_pyodbc,
    "driver-floor": driver_floor,
    "copy-floor": copy_floor,
    "adbc-parquet": adbc_parquet,
    "dlt-pyarrow": dlt_pyarrow,
    "dlt-pyarrow-azurite": dlt_pyarrow_azurite,
    "dlt-sqlalchemy": dlt_sqlalchemy,
    "dlt-connectorx": dlt_connectorx,
}


def _run_attempt(order: Order, lease_id: str | None = None) -> int:
    job = _job(order)
    attempt = AttemptOrder(
        run_id=_RUN_ID,
        run_started_at=datetime.now(UTC),
        job_id=job.job_id,
        config_sha256="0",
        lease_id=lease_id,
    )
    work = Path(order["folder"], "work")
    work.mkdir()
    result = run_attempt(attempt, job, Secret(order["connection"]), work, lambda _stage, _rows: None)
    if result.status is not JobStatus.SUCCESS:
        raise RuntimeError(result.error)
    return result.rows_written


def _job(order: Order) -> Job:
    table = _table(order)
    return Job.model_validate(
        {
            "job_id": f"benchmark-{table.replace('_', '-')}",
            "source_type": order["source_type"],
            "source_name": "benchmark",
            "schema_name": order["schema"],
            "table_name": table,
            "load_type": "FULL",
            "enabled": True,
            "target_container": order["container"],
            "target_folder_path": "raw",
        }
    )


def _plain_dlt(order: Order, lake: Destination[Any, Any] | None = None, **options: Any) -> int:
    rows = 0
    for table in order["tables"]:
        pipeline = dlt.pipeline(
            f"plain_{table}",
            pipelines_dir=str(Path(order["folder"], "work")),
            destination=lake or dlt.destinations.filesystem(Path(order["folder"], "lake").as_uri()),
            dataset_name=table,
        )
        pipeline.run(
            sql_table(sa.create_engine(order["url"]), schema=order["schema"], table=table, **options),
            write_disposition="replace",
            loader_file_format="parquet",
        )
        trace = pipeline.last_trace
        rows += trace.last_normalize_info.row_counts[table] if trace and trace.last_normalize_info else 0
    return rows


def _table(order: Order) -> str:
    [table] = order["tables"]
    return str(table)


def main() -> None:
    """Run the load that standard input describes; print the rows and the seconds."""
    order = json.load(sys.stdin)
    with ExitStack() as stack:
        stack.callback(sys.stdout.flush)
        started, cpu = time.monotonic(), time.process_time()
        rows = WAYS[order["way"]](order)
        spent = {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps({"rows": rows, **spent}))


if __name__ == "__main__":
    main()
