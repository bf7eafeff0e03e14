"""What a new version of the workbook changes: the diff report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from shared.jobs.history import effect_of
from shared.models.job import Job, Source
from shared.models.shape import Shape
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.configuration import Configuration, Problem
from shared.workbook.sheets import SOURCES

FEW_JOBS = 3
"""A configuration of fewer jobs is replaced without a question, unless nothing is left of it."""

_NAMED = 5  # jobs, in a sentence


class CellChange(Shape):
    """One value before and after; `row` is the job_id or source_name of its row."""

    sheet: str
    row: str
    column: str
    before: Any = None
    after: Any = None
    effect: str | None = Field(default=None, description="What it means for a job that has loaded already.")


class Changes(Shape):
    """The jobs that came, went, were switched on or off, other values that differ, and the new one-off requests."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    changed: tuple[CellChange, ...] = ()
    requests: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for logs and lists: `2 added, 1 changed`."""
        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "enabled": len(self.enabled),
            "disabled": len(self.disabled),
            "changed": len({(change.sheet, change.row) for change in self.changed}),
            "requested": len(self.requests),
        }
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no changes"


def changes_between(before: Configuration, after: Configuration) -> Changes:
    """Compare two configurations row by row; a row that only moved counts as unchanged."""
    old = {job.job_id: job for job in before.jobs}
    new = {job.job_id: job for job in after.jobs}
    both = [(old[job_id], job) for job_id, job in new.items() if job_id in old]
    ordered = {request.request_id for request in before.requests}
    return Changes(
        added=tuple(job_id for job_id in new if job_id not in old),
        removed=tuple(job_id for job_id in old if job_id not in new),
        enabled=tuple(now.job_id for was, now in both if now.enabled and not was.enabled),
        disabled=tuple(now.job_id for was, now in both if was.enabled and not now.enabled),
        changed=(*_job_changes(both), *_source_changes(before, after)),
        requests=tuple(request.request_id for request in after.requests if request.request_id not in ordered),
    )


def unconfirmed_removal(before: Configuration, after: Configuration) -> Problem | None:
    """What is wrong if a workbook removes most jobs without saying that this is meant; None if all is well.

    An emptied sheet, or the file of another team, looks like any other version. The confirmation is a one-off request:
    one that the active version has already confirms nothing more.
    """
    changes = changes_between(before, after)
    removed, jobs = changes.removed, len(before.jobs)
    is_most = 2 * len(removed) > jobs and (jobs >= FEW_JOBS or not after.jobs)
    confirms = {request.request_id for request in after.requests if request.action == "remove_jobs"}
    if not is_most or not confirms.isdisjoint(changes.requests):
        return None
    more = f" and {len(removed) - _NAMED} more" if len(removed) > _NAMED else ""
    message = (
        f"the workbook removes {len(removed)} of the {jobs} active jobs ({', '.join(removed[:_NAMED])}{more}). If that "
        "is meant, add a row to the sheet Requests: a request_id that is new, action remove_jobs, the rest blank"
    )
    return Problem(sheet=SOURCE_CONFIG.name, message=message)


def _job_changes(both: list[tuple[Job, Job]]) -> Iterator[CellChange]:
    for was, now in both:
        if was != now:
            for change in _cells(SOURCE_CONFIG.name, now.job_id, _values(was, "enabled"), _values(now, "enabled")):
                yield change.model_copy(update={"effect": effect_of(change.column, now)})


def _source_changes(before: Configuration, after: Configuration) -> Iterator[CellChange]:
    """A source without a row has the defaults of all its columns."""
    names = {source.source_name: None for source in (*before.sources, *after.sources)}
    for name in names:
        yield from _cells(SOURCES.name, name, _values(before.source(name)), _values(after.source(name)))


def _values(row: Job | Source, *leave_out: str) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"row", "origins", *leave_out})


def _cells(sheet: str, row: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[CellChange]:
    for column, value in after.items():
        if before[column] != value:
            yield CellChange(sheet=sheet, row=row, column=column, before=before[column], after=value)
