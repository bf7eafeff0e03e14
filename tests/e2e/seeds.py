"""An audit table with much in it: 1,000 jobs, their loads and runs, written as the app would have written them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables import TableClient, UpdateMode

from shared.audit.table import LATEST, RUN_IDS, RUNS, SUCCEEDED, newest_first

JOBS = 1_000
SHORT_HISTORY = 30
CHARTED_JOBS = 20
BATCH = 100  # Table Storage takes no more in one transaction
NOW = datetime.now(UTC).replace(microsecond=0)
BUSY_JOB, BIG_RUN = "crm_table_0000", "scheduled-0000"
LATE_DAYS = 800  # of the jobs that are overdue by any timer that ticks every year
WARNED = 12  # the job whose last load warns
WARNING = "The table has 4 rows now and had 10 before: less than half."
ERROR = (
    "Source 'crm' (crm.example.com:5432/crm): the user name or the password is wrong. The driver says: connection "
    'failed: FATAL: password authentication failed for user "reader"'
)

Row = dict[str, Any]


def job_id(number: int) -> str:
    return f"crm_table_{number:04}"


def rows(runs: int, history: int) -> Iterator[Row]:
    """The last loads of all jobs, one run of them all, 30 loads of 20 jobs, and what is asked for.

    Args:
        runs: How many runs, one a day.
        history: How many loads `BUSY_JOB` has.
    """
    yield from _last_rows()
    for number in range(runs):
        run = _run(number)
        yield run
        yield {"PartitionKey": RUN_IDS, "RowKey": run["run_id"], "run_key": run["RowKey"]}
    for number in range(JOBS):
        yield {"PartitionKey": BIG_RUN, "RowKey": job_id(number)} | _load(number, 0)
    for number in range(CHARTED_JOBS + 1):
        for load in range(SHORT_HISTORY if number else history):
            yield _history_row(number, load)


def write(table: TableClient, runs: int, history: int) -> int:
    """Write them, in transactions; returns how many rows there are."""
    partitions: Mapping[str, list[Row]] = defaultdict(list)
    for row in rows(runs, history):
        partitions[row["PartitionKey"]].append(row)
    for of_one in partitions.values():
        for first in range(0, len(of_one), BATCH):
            table.submit_transaction(
                [("upsert", row, {"mode": UpdateMode.REPLACE}) for row in of_one[first : first + BATCH]]
            )
    return sum(map(len, partitions.values()))


def write_newest_load(table: TableClient) -> None:
    """Write one more load of `BUSY_JOB`, the newest."""
    table.upsert_entity(_history_row(0, -1))


def _last_rows() -> Iterator[Row]:
    for number in range(JOBS):
        started = _started(LATE_DAYS if number % 50 == 7 else 0)
        last = {"RowKey": job_id(number), "run_start_time": started} | _load(number, 0)
        good = (
            last | _outcome(number, failed=False) | {"start_time": started, "end_time": started + timedelta(seconds=9)}
        )
        yield {"PartitionKey": LATEST} | last
        yield {"PartitionKey": SUCCEEDED} | good


def _started(age: int) -> datetime:
    """When the run of so many days ago began."""
    return NOW - timedelta(days=age, minutes=10)


def _run_id(age: int) -> str:
    return f"scheduled-{age:04}"


def _run(age: int) -> Row:
    started, failed = _started(age), age % 9 == 4
    return {
        "PartitionKey": RUNS,
        "RowKey": f"{newest_first(started)}-{_run_id(age)}",
        "run_id": _run_id(age),
        "trigger": "timer",
        "status": "PARTLY_FAILED" if failed or age == 0 else "SUCCEEDED",
        "start_time": started,
        "end_time": started + timedelta(minutes=4, seconds=age % 50),
        "jobs_total": JOBS,
        "jobs_failed": 25 if failed or age == 0 else 0,
        "rows_written": 1_250_000 + 1_000 * (age % 7),
        "config_sha256": "0f" * 32,
    }


def _history_row(number: int, age: int) -> Row:
    key = f"{newest_first(_started(age))}-{_run_id(age)}"
    return {"PartitionKey": f"job:{job_id(number)}", "RowKey": key} | _load(number, age)


def _load(number: int, age: int) -> Row:
    started = _started(age) + timedelta(seconds=number / 10)
    failed = (number % 40 == 3 and age == 0) or (age > 0 and (age + number) % 13 == 5)
    return {
        "run_id": _run_id(age),
        "job_id": job_id(number),
        "attempt": 1,
        "source_name": "crm",
        "table_name": f"table_{number:04}",
        "load_type": "INCREMENTAL",
        "start_time": started,
        "end_time": started + timedelta(seconds=9),
        **({"schema_changes": json.dumps(["column 'region' added (string)"])} if age == 2 else {}),
        **({"warnings": json.dumps([WARNING])} if number == WARNED and age == 0 else {}),
        **_outcome(number + 3 * age, failed),
    }


def _outcome(seed: int, failed: bool) -> Row:
    seconds = 2 + (seed * 37 % 100) / 10
    if failed:
        counts = dict.fromkeys(("rows_extracted", "rows_written", "bytes_written", "files_written"), 0)
        return counts | {"status": "FAILED", "duration_seconds": 1.2, "error_kind": "source", "error_message": ERROR}
    loaded = 1_000 + seed * 7919 % 20_000
    return {
        "status": "SUCCESS",
        "rows_extracted": loaded,
        "rows_written": loaded,
        "bytes_written": loaded * 48,
        "files_written": 1,
        "duration_seconds": seconds,
        "watermark_after": f"2026-03-{1 + seed % 28:02}T04:59:00+00:00",
    }
