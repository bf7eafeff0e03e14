"""What a workbook says once it is validated, and what is wrong with it where it is not."""

from __future__ import annotations

from functools import cached_property

from shared.models import Job, Shape


class Problem(Shape):
    """One thing that is wrong, or worth a warning, at one place."""

    sheet: str = ""
    cell: str = ""
    column: str = ""
    message: str

    def __str__(self) -> str:
        place = f"{self.sheet}!{self.cell}" if self.cell else self.sheet
        return f"{' '.join(part for part in (place, self.column) if part)}: {self.message}".removeprefix(": ")


class Configuration(Shape):
    """The rows of a valid workbook."""

    jobs: tuple[Job, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def _jobs_by_id(self) -> dict[str, Job]:
        return {job.job_id: job for job in self.jobs}

    def job(self, job_id: str) -> Job | None:
        """The job of an id, None where the workbook has none."""
        return self._jobs_by_id.get(job_id)


class Report(Shape):
    """The outcome of a validation: a configuration, or the problems that stand in its way."""

    configuration: Configuration | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
