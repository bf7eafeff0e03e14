"""What a new version of the workbook changes: the diff report."""

from __future__ import annotations

from typing import Any

from shared.models import Job, Shape
from shared.workbook.configuration import Configuration


class CellChange(Shape):
    """One value of one job, before and after."""

    job_id: str
    column: str
    before: Any = None
    after: Any = None


class Changes(Shape):
    """The jobs that came, went, were switched on or off, and every other value that differs."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    changed: tuple[CellChange, ...] = ()

    def summary(self) -> str:
        """One line for logs and lists: `2 added, 1 changed`."""
        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "enabled": len(self.enabled),
            "disabled": len(self.disabled),
            "changed": len({change.job_id for change in self.changed}),
        }
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no changes"


def changes_between(before: Configuration, after: Configuration) -> Changes:
    """Compare two configurations job by job; a job that only moved to another row has not changed."""
    old = {job.job_id: job for job in before.jobs}
    new = {job.job_id: job for job in after.jobs}
    both = [(old[job_id], job) for job_id, job in new.items() if job_id in old]
    return Changes(
        added=tuple(job_id for job_id in new if job_id not in old),
        removed=tuple(job_id for job_id in old if job_id not in new),
        enabled=tuple(now.job_id for was, now in both if now.enabled and not was.enabled),
        disabled=tuple(now.job_id for was, now in both if was.enabled and not now.enabled),
        changed=tuple(change for was, now in both for change in _cell_changes(was, now)),
    )


def _cell_changes(was: Job, now: Job) -> list[CellChange]:
    if was == now:
        return []
    before, after = was.model_dump(mode="json"), now.model_dump(mode="json")
    return [
        CellChange(job_id=now.job_id, column=column, before=before[column], after=value)
        for column, value in after.items()
        if column not in ("row", "enabled") and before[column] != value
    ]
