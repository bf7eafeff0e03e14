"""What an operator's commands print: tables that fit 80 columns, with numbers that are never cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from localhost.run_view import PlainTable, duration, moment, size, state, waits_for

Answer = Mapping[str, Any]

_TROUBLES = 20
_OF_A_VERSION = ("uploaded_by", "summary")


class Shown(StrEnum):
    """Which jobs a list shows."""

    ALL = "all"
    RUNNING = "running"
    FAILED = "failed"
    OVERDUE = "overdue"
    WARNED = "warned"
    DISABLED = "disabled"


def is_shown(job: Answer, which: Shown) -> bool:
    """Whether a list shows a job."""
    return {
        Shown.ALL: True,
        Shown.RUNNING: bool(job["current"]),
        Shown.FAILED: job_state(job) == "FAILED",
        Shown.OVERDUE: bool(job.get("overdue_since")),
        Shown.WARNED: bool((job.get("last_result") or {}).get("warnings")),
        Shown.DISABLED: not job["enabled"],
    }[which]


def job_state(job: Answer) -> str:
    """One word for what a job does, or how it last ended."""
    if job["current"]:
        return "WAITING" if all(one["status"] == "WAITING" for one in job["current"]) else "RUNNING"
    if not job["enabled"]:
        return "DISABLED"
    results = [job.get("last_result"), *(job.get("tables") or {}).values()]
    statuses = [one["status"] for one in results if one and one.get("status")]
    return "FAILED" if "FAILED" in statuses else statuses[0] if statuses else "NEVER RAN"


def overview(found: Answer, listed: Sequence[Answer]) -> Iterator[RenderableType]:
    """The app in a few lines: counts, what deserves a look, and the last runs."""
    counts = found["counts"]
    shown = ("enabled", "running", "failed", "overdue", "warned")
    yield f"{found['app']}: {counts['total']:,} jobs, " + ", ".join(f"{counts[name]:,} {name}" for name in shown)
    for job in [one for one in listed if job_state(one) in ("FAILED", "WAITING") or one["overdue_since"]][:_TROUBLES]:
        yield Text(f"- {job['job_id']}: ").append_text(state(job_state(job))).append(_trouble(job))
    if found["runs"]:
        yield Padding(runs(found["runs"]), (1, 0, 0, 0))


def runs(found: Sequence[Answer]) -> Table:
    """One line for each run."""
    table = PlainTable("Run", "Status", "Started (UTC)", "Jobs:", "Failed:", "Rows:", "Seconds:")
    for run in found:
        seconds = duration(run)
        table.add_row(
            Text(run["run_id"]),
            state(run["status"]),
            moment(run["start_time"]),
            *(_number(run.get(name)) for name in ("jobs_total", "jobs_failed", "rows_written")),
            f"{seconds:.0f}" if seconds is not None else "",
        )
    return table


def jobs(found: Sequence[Answer]) -> Table:
    """One line for each job."""
    table = PlainTable("Job", "State", "Last good load", "Rows:", "Seconds:", "Next (UTC)")
    for job in found:
        good = job.get("last_success") or {}
        table.add_row(
            Text(job["job_id"]),
            state(job_state(job)).append(", overdue" if job.get("overdue_since") else ""),
            moment(good.get("end_time")),
            _number(good.get("rows_extracted")),
            _seconds(good),
            moment(job.get("next_due")),
        )
    return table


def history(loads: Sequence[Answer]) -> Table:
    """One line for each load."""
    table = PlainTable("Started (UTC)", "Status", "Rows:", "Size:", "Seconds:", "Load id", "Watermark", "Error")
    for load in loads:
        table.add_row(
            moment(load.get("start_time")),
            state(load["status"]),
            _number(load.get("rows_written")),
            size(load["bytes_written"]) if load.get("bytes_written") else "",
            _seconds(load),
            load.get("load_id") or "",
            Text(load.get("watermark_after") or ""),
            Text(load.get("error_kind") or ""),
        )
    return table


def plan(answer: Answer) -> Iterator[RenderableType]:
    """What a dry run found out."""
    jobs_of_plan = answer["jobs"]
    yield f"{len(jobs_of_plan)} jobs in {len(answer['lanes'])} lanes would run. Nothing was loaded."
    for job in jobs_of_plan:
        yield ""
        yield Text(job["job_id"], style="bold")
        for name, value in _findings(job):
            yield Padding(Text(f"{name}: {value}", overflow="fold"), (0, 0, 0, 2))


def rewound(answer: Answer) -> str:
    """Where the next load of a job starts."""
    start = f"after {answer['watermark']}" if answer.get("watermark") else "from the start"
    before = f" (before: {answer['watermark_before']})" if answer.get("watermark_before") else ""
    doubles = " Rows that are there already come twice." if answer["duplicates"] else ""
    return f"The next load of {answer['job_id']} starts {start}{before}.{doubles}"


def versions(found: Sequence[Answer]) -> Table:
    """One line for each version of the workbook."""
    table = PlainTable("Version", "Activated (UTC)", "By", "Changes")
    for one in found:
        table.add_row(
            one["sha256"][:12], moment(one["activated_at"]), *(Text(one.get(name) or "") for name in _OF_A_VERSION)
        )
    return table


def _trouble(job: Answer) -> str:
    waiting = [one for one in job["current"] if one["status"] == "WAITING"]
    if waiting:
        return f", {waits_for(waiting[0])}"
    overdue = f", overdue since {moment(job.get('overdue_since'))} UTC" if job.get("overdue_since") else ""
    message = (job.get("last_result") or {}).get("error_message") if job_state(job) == "FAILED" else None
    return f"{overdue}, {message}" if message else overdue


def _findings(job: Answer) -> Iterator[tuple[str, object]]:
    error = job.get("error")
    if error:
        yield "error", error["message"]
    for name in ("secret_found", "reachable"):
        if name in job and job[name] is not None:
            yield name.replace("_", " "), "yes" if job[name] else "no"
    for name in ("watermark", "watermark_column", "rows_estimated"):
        if job.get(name) is not None:
            yield name.replace("_", " "), job[name]
    for warning in job.get("warnings") or ():
        yield "warning", warning
    if job.get("sql"):
        yield "query", job["sql"]


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _seconds(load: Answer) -> str:
    return f"{load['duration_seconds']:.1f}" if load.get("duration_seconds") is not None else ""
