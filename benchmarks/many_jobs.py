"""`python -m benchmarks.many_jobs [--jobs N] [--json]`: what a run of very many small jobs costs besides the loads."""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cases import make_small_tables
from benchmarks.measure import WayFailedError
from benchmarks.small_tables import small_tables_workbook
from localhost.local_app import LocalApp, host_folder, local_app
from shared.models.run import RunStatus

_DATABASE = "benchmark"
_CONTAINER = "benchmark"
_LANES = 4  # the default of SOURCE_CONCURRENCY
_TIMEOUT_SECONDS = 3600
_CALLS = ("/api/runs/{run_id}", "/api/runs", "/api/jobs")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of the run, each a table of 1,000 rows")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with local_app(Path(folder)) as app:
            app.services.postgres.create_database(_DATABASE)
            with app.services.postgres.connect(_DATABASE, autocommit=True) as connection:
                tables = list(make_small_tables(connection, arguments.jobs))
            figures = _measure(app, tables)
        figures |= _history(host_folder(Path(folder)))
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        Console().print(_table(figures))
    return 0


def _measure(app: LocalApp, tables: Sequence[str]) -> dict[str, Any]:
    """Run all jobs, and ask for their state meanwhile as an impatient operator would."""
    app.upload_workbook(small_tables_workbook(app, _DATABASE, tables, _CONTAINER))
    started, run_id = time.monotonic(), app.start_run()
    waits: dict[str, list[float]] = {call: [] for call in _CALLS}
    status = None
    while status in (None, RunStatus.RUNNING.value):
        if time.monotonic() - started > _TIMEOUT_SECONDS:
            raise WayFailedError(f"The run did not end within {_TIMEOUT_SECONDS} s.")
        time.sleep(5)
        for call in _CALLS:
            asked = time.monotonic()
            answer = app.request("GET", call.format(run_id=run_id))
            waits[call].append(time.monotonic() - asked)
            status = answer.json()["status"] if call == _CALLS[0] else status
    seconds = time.monotonic() - started
    rows = app.audit_rows("latest")
    loading = sum(row["duration_seconds"] for row in rows)
    return {
        "jobs": len(rows),
        "status": status,
        "seconds": round(seconds, 1),
        "seconds of one load (median)": round(statistics.median(row["duration_seconds"] for row in rows), 2),
        "seconds a job spends outside its load": round((seconds * _LANES - loading) / len(rows), 2),
        **{f"GET {call}, median ms": round(statistics.median(times) * 1000) for call, times in waits.items()},
        **{f"GET {call}, longest ms": round(max(times) * 1000) for call, times in waits.items()},
    }


def _history(host: Path) -> dict[str, Any]:
    """The largest history that an orchestration has at the end, from the event store of a host that has stopped."""
    with sqlite3.connect(next(host.glob("*.db"))) as store:
        query = "SELECT count(*), sum(length(event)) FROM history GROUP BY instance_id ORDER BY 2 DESC LIMIT 1"
        events, size = store.execute(query).fetchone()
    return {"events in the largest history": events, "KiB of the largest history": round(size / 1024)}


def _table(figures: dict[str, Any]) -> Table:
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:,}" if isinstance(value, (int, float)) else str(value))
    return table


if __name__ == "__main__":
    sys.exit(main())
