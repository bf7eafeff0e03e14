"""Many small tables through the whole app: a workbook, a run over HTTP, children, leases and audit included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.cases import SMALL_ROWS, SMALL_TABLES
from benchmarks.measure import Figure, WayFailedError
from localhost.local_app import LocalApp
from shared.models.run import RunStatus
from shared.workbook.template import write_workbook

_SOURCE = "benchmark"
_TIMEOUT_SECONDS = 900
_KIB = 1024


def measure_app(app: LocalApp, database: str, tables: Sequence[str], container: str) -> Figure:
    """Load the tables in one run of a running app.

    Seconds are from the run's start to its end, as the app reports; memory is the most that any one of its processes
    had.

    Raises:
        WayFailedError: a job failed, or the run takes too long.
    """
    app.upload_workbook(small_tables_workbook(app, database, tables, container))
    run_id, peak = app.start_run(), 0.0
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (run := app.get_run(run_id))["status"] == RunStatus.RUNNING.value:
        if time.monotonic() > deadline:
            raise WayFailedError(f"The run did not end within {_TIMEOUT_SECONDS} s: {run['progress']}")
        peak = max(peak, _largest_process(app.host.pid))
        time.sleep(1)
    if run["status"] != RunStatus.SUCCEEDED.value:
        raise WayFailedError(f"The run ended as {run['status']}: {run['error']} {run['progress']}")
    seconds = (datetime.fromisoformat(run["end_time"]) - datetime.fromisoformat(run["start_time"])).total_seconds()
    return Figure(SMALL_TABLES, "ours-azurite", len(tables) * SMALL_ROWS, round(seconds, 2), round(peak))


def small_tables_workbook(app: LocalApp, database: str, tables: Sequence[str], container: str) -> bytes:
    """A workbook with a job for each table, whose source's connection is put where the app looks for it."""
    app.put_source(_SOURCE, app.postgres_connection(database))
    return write_workbook([_row(table, container) for table in tables])


def _row(table: str, container: str) -> dict[str, Any]:
    return {
        "job_id": f"load-{table.replace('_', '-')}",
        "source_type": "PostgreSQL",
        "source_name": _SOURCE,
        "schema_name": "public",
        "table_name": table,
        "load_type": "FULL",
        "enabled": "Y",
        "target_container": container,
        "target_folder_path": "raw",
    }


def _largest_process(root: int) -> float:
    """The most memory that a process or one of its descendants ever had, in MiB."""
    parents: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:  # it has ended meanwhile
            continue
        process = int(fields["Pid"])
        parents[process] = int(fields["PPid"])
        peaks[process] = int(fields.get("VmHWM", "0 kB").split()[0])
    family = {root}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return max(peaks.get(process, 0) for process in family) / _KIB
