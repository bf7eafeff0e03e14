"""A run as people see it: its progress while it runs, its result as a table. Rows come from `GET /api/runs/{id}`.

Tables have no frames, so that they fit 80 columns; names and texts are folded there, numbers never.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from localhost.api_client import ApiClient

Run = Mapping[str, Any]

_POLL_SECONDS = 0.4
_LINE_SECONDS = 10.0  # without news, until a line says how far the run is
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


def follow(app: ApiClient, run_id: str, console: Console) -> dict[str, Any]:
    """Show a run's progress until it has ended; returns the ended run.

    A terminal shows what runs now; a file or pipe gets a line for each job that ends, and one now and then.

    Raises:
        RequestRefusedError: the app cannot describe the run.
    """
    if not console.is_terminal:
        return _follow_in_lines(app, run_id, console)
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        run = app.get_run(run_id)
        while run["status"] == "RUNNING":
            live.update(_with_table(run, Spinner("dots", summary(run))))
            time.sleep(_POLL_SECONDS)
            run = app.get_run(run_id, run)
    return run


def _follow_in_lines(app: ApiClient, run_id: str, console: Console) -> dict[str, Any]:
    said: dict[str, str] = {}
    run = app.get_run(run_id)
    spoken = time.monotonic()
    console.print(summary(run))
    while run["status"] == "RUNNING":
        time.sleep(_POLL_SECONDS)
        run = app.get_run(run_id, run)
        for line in news(run, said):
            console.print(line, soft_wrap=True)
            spoken = time.monotonic()
        if run["status"] == "RUNNING" and time.monotonic() - spoken > _LINE_SECONDS:
            console.print(summary(run), soft_wrap=True)
            spoken = time.monotonic()
    return run


def news(run: Run, said: dict[str, str]) -> Iterator[Text]:
    """A line for each job that has ended, or begun to wait, since the last call.

    Args:
        run: The run as it is now.
        said: What was said of each job; it is updated.
    """
    for job in run["jobs"]:
        known = f"{job['status']} {job.get('next_attempt', '')}"
        if job["status"] == "RUNNING" or said.get(job["job_id"]) == known:
            continue
        said[job["job_id"]] = known
        line = Text(f"{job['job_id']}: ").append_text(state(job["status"]))
        if job["status"] == "WAITING":
            yield line.append(f", {waits_for(job)}")
        elif job.get("error_message"):
            yield line.append(f", {job['error_message']}")
        else:
            yield line.append(f", {job.get('rows_written', 0):,} rows in {job.get('duration_seconds', 0.0):.1f} s")


def waits_for(job: Run) -> str:
    """What a waiting job waits for: its next attempt, the time of it, and the reason."""
    at = f" at {moment(job['next_attempt_at'])} UTC" if job.get("next_attempt_at") else ""
    reason = f": {job['reason']}" if job.get("reason") else ""
    return f"attempt {job.get('next_attempt', '')}{at}{reason}"


def result(run: Run) -> RenderableType:
    """An ended run: a row for each job, the errors in full below, and the sum."""
    return _with_table(run, *(Text(f"{name}: {message}", style="red") for name, message in errors(run)), summary(run))


def job_table(jobs: Sequence[Run]) -> Table:
    """One row for each job, as the audit has it."""
    table = PlainTable("Job", "Status", "Rows:", "Size:", "Seconds:", "Watermark")
    for job in jobs:
        table.add_row(*_cells(job))
    return table


class PlainTable(Table):
    """A table without a frame.

    Args:
        headers: A column that ends with `:` holds numbers, which are never cut; other texts are folded.
    """

    def __init__(self, *headers: str) -> None:
        super().__init__(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for header in headers:
            name, numeric, _ = header.partition(":")
            if numeric:
                self.add_column(name, justify="right", no_wrap=True, min_width=len(name))
            else:
                self.add_column(name, overflow="fold")

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row, and keep columns of numbers wide enough for it."""
        super().add_row(*cells, **options)
        for column, cell in zip(self.columns, cells, strict=True):
            if column.justify == "right":
                column.min_width = max(column.min_width or 0, len(str(cell)))


def summary(run: Run) -> Text:
    """How a run went, in one line."""
    progress = run["progress"]
    text = Text(f"Run {run['run_id']}: ").append_text(state(run["status"]))
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
    start, end = (datetime.fromisoformat(run[name]) for name in ("start_time", "end_time"))
    return (end - start).total_seconds()


def size(count: float) -> str:
    """A number of bytes with three or four digits and a unit of thousands."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def moment(iso: str | None) -> str:
    """A time to the minute."""
    return iso[:16].replace("T", " ") if iso else ""


def state(name: str) -> Text:
    """A status in its colour."""
    return Text(name, style=_STYLES.get(name, ""))


def _with_table(run: Run, *below: RenderableType) -> Group:
    above: list[RenderableType] = [job_table(run["jobs"]), ""] if run["jobs"] else []
    return Group(*above, *below)


def _cells(job: Run) -> list[str | Text]:
    status = job["status"]
    running = status == "RUNNING"
    attempt = f" (attempt {job['attempt']})" if (job.get("attempt") or 1) > 1 else ""
    watermarks = [job[name] for name in ("watermark_before", "watermark_after") if job.get(name)]
    return [
        Text(job["job_id"]),
        Text((job.get("stage", status) if running else status) + attempt, style=_STYLES.get(status, "")),
        f"{job.get('rows_extracted' if running else 'rows_written', 0):,}",
        size(job["bytes_written"]) if job.get("bytes_written") else "",
        f"{job['duration_seconds']:.1f}" if "duration_seconds" in job else "",
        Text(" → ".join(dict.fromkeys(watermarks))),
    ]
