"""A run as people see it: its progress while it runs, its result as a table. Rows come from `GET /api/runs/{id}`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from localhost.app_client import AppClient

Run = Mapping[str, Any]

_POLL_SECONDS = 0.4
_STYLES = {
    "SUCCESS": "green",
    "SUCCEEDED": "green",
    "FAILED": "bold red",
    "PARTLY_FAILED": "bold red",
    "RUNNING": "cyan",
    "WAITING": "yellow",
    "SKIPPED": "yellow",
    "CANCELLED": "yellow",
}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def follow(app: AppClient, run_id: str, console: Console) -> dict[str, Any]:
    """Show a run's progress until it has ended; returns the ended run.

    Raises:
        RequestRefusedError: the app cannot describe the run.
    """
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        run = app.get_run(run_id)
        while run["status"] == "RUNNING":
            live.update(_with_table(run, Spinner("dots", summary(run))))
            time.sleep(_POLL_SECONDS)
            run = app.get_run(run_id, run)
    return run


def result(run: Run) -> RenderableType:
    """An ended run: a row for each job, the errors in full below, and the sum."""
    return _with_table(run, *(Text(f"{name}: {message}", style="red") for name, message in errors(run)), summary(run))


def job_table(jobs: Sequence[Run]) -> Table:
    """One row for each job, as the audit has it."""
    table = Table()
    for header, numeric in (
        *(("Job", False), ("Table", False), ("Load", False), ("Status", False)),
        *(("Rows", True), ("Size", True), ("Seconds", True), ("Watermark", False)),
    ):
        table.add_column(header, justify="right" if numeric else "left", no_wrap=header in ("Job", "Status"))
    for job in jobs:
        table.add_row(*_cells(job))
    return table


def summary(run: Run) -> Text:
    """How a run went, in one line."""
    progress = run["progress"]
    text = Text(f"Run {run['run_id']}: ")
    text.append(run["status"], style=_STYLES.get(run["status"], ""))
    if run["status"] == "SKIPPED" and not progress["jobs_total"]:
        return text.append(", no job of the workbook was to run")
    text.append(f", {progress['jobs_done']} of {progress['jobs_total']} jobs done")
    if progress["jobs_failed"]:
        text.append(f", {progress['jobs_failed']} failed")
    seconds = duration(run)
    return text.append(f", {progress['rows']:,} rows" + (f" in {seconds:.1f} s" if seconds is not None else ""))


def errors(run: Run) -> list[tuple[str, str]]:
    """What went wrong: the run's own error, then each job's, by name."""
    of_run = [("run", run["error"])] if run.get("error") else []
    return of_run + [(job["job_id"], job["error_message"]) for job in run["jobs"] if job.get("error_message")]


def duration(run: Run) -> float | None:
    """Seconds from a run's start to its end, None while it is active."""
    if not run.get("start_time") or not run.get("end_time"):
        return None
    start, end = (datetime.fromisoformat(run[name].replace("Z", "+00:00")) for name in ("start_time", "end_time"))
    return (end - start).total_seconds()


def size(count: float) -> str:
    """A number of bytes with three or four digits and a unit of thousands."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def _with_table(run: Run, *below: RenderableType) -> Group:
    return Group(*([job_table(run["jobs"])] if run["jobs"] else []), *below)


def _cells(job: Run) -> list[str | Text]:
    status = job["status"]
    running = status == "RUNNING"
    attempt = f" (attempt {job['attempt']})" if job.get("attempt", 1) > 1 else ""
    watermarks = [job[name] for name in ("watermark_before", "watermark_after") if job.get(name)]
    return [
        job["job_id"],
        job.get("table_name", ""),
        job.get("load_type", ""),
        Text((job.get("stage", status) if running else status) + attempt, style=_STYLES.get(status, "")),
        f"{job.get('rows_extracted' if running else 'rows_written', 0):,}",
        size(job["bytes_written"]) if job.get("bytes_written") else "",
        f"{job['duration_seconds']:.1f}" if "duration_seconds" in job else "",
        " → ".join(dict.fromkeys(watermarks)),
    ]
