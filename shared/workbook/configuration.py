"""What a workbook says once it is validated, and what is wrong with it if it is not."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field

from shared.jobs.wildcards import base_job_id, expanded_job, is_wildcard
from shared.models.job import Job, Request, Source
from shared.models.shape import Shape


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
    sources: tuple[Source, ...] = ()
    requests: tuple[Request, ...] = ()
    warnings: tuple[Problem, ...] = ()
    values: dict[str, str] = Field(
        default_factory=dict, description="What the placeholders of the workbook stood for when it was validated."
    )

    @cached_property
    def _jobs_by_id(self) -> dict[str, Job]:
        return {job.job_id: job for job in self.jobs}

    @cached_property
    def _sources_by_name(self) -> dict[str, Source]:
        return {source.source_name: source for source in self.sources}

    def job(self, job_id: str) -> Job | None:
        """The job of an id, also of one that `wildcards.expand` gave; None if the workbook has none."""
        job = self._jobs_by_id.get(job_id)
        if job is None:
            wildcard = self._jobs_by_id.get(base_job_id(job_id))
            return expanded_job(wildcard, job_id) if wildcard and is_wildcard(wildcard) else None
        return job

    def source(self, source_name: str) -> Source:
        """What holds for a source system; the defaults if the workbook says nothing of it."""
        return self._sources_by_name.get(source_name) or Source(source_name=source_name)


class Report(Shape):
    """The outcome of a validation: a configuration, or the problems that prevent one."""

    configuration: Configuration | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def to_answer(self) -> dict[str, Any]:
        """The report for the caller of a validation, as plain JSON values."""
        return {
            "valid": self.configuration is not None,
            "jobs": [job.job_id for job in self.configuration.jobs] if self.configuration else [],
            "problems": [problem.to_json() for problem in self.problems],
            "warnings": [warning.to_json() for warning in self.warnings],
        }
