"""What is noted while an attempt runs; its result takes it from here, however the attempt ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.errors.job_errors import Explain, as_job_error, is_unexpected
from shared.jobs.masks import WORDS_LEFT_OUT
from shared.models.attempt import AttemptOrder, JobResult, JobStatus, LoadFigures
from shared.models.job import Job

log = logging.getLogger(__name__)

Report = Callable[[str, int], None]
"""Called with the stage (extract, normalize, load) and the rows read so far."""


@dataclass
class Progress:
    """One attempt while it runs. The readers of a source call `count`, `warnings.append` and `filled.update`."""

    order: AttemptOrder

    job: Job

    report: Report

    explainers: list[Explain] = field(default_factory=list)
    """What the source and the destination know of their own errors, once each is open; the source comes first."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    seconds: dict[str, float] = field(default_factory=dict)
    """How long each stage took."""

    rows_read: int = 0

    warnings: list[str] = field(default_factory=list)
    """What a reader noticed that makes the load doubtful, one sentence each."""

    filled: set[str] = field(default_factory=set)
    """The columns in which a value was seen."""

    masks: dict[str, str] = field(default_factory=dict)
    """The masks of the columns that were masked."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report a stage and time it, for as long as the context is open."""
        self.report(name, self.rows_read)
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started

    def count(self, rows: int) -> None:
        """Add a batch to the rows read, and report them."""
        self.rows_read += rows
        self.report("extract", self.rows_read)

    def success(self, figures: LoadFigures) -> JobResult:
        """The result of an attempt whose load is committed."""
        return self._result({**figures.figures(), "status": JobStatus.SUCCESS})

    def failure(self, error: Exception, redact: Callable[[str], str]) -> JobResult:
        """The result of an attempt that failed: the error in one sentence, from which `redact` takes the secrets."""
        known = as_job_error(error, self.explainers, redact)
        if self.job.masked_columns and is_unexpected(known):
            words = f"{known.message.partition(':')[0]}; {WORDS_LEFT_OUT}"
            known = known.model_copy(update={"message": words})
        log.warning("Job %s failed: %s", self.job.job_id, known.message)
        return self._result({"status": JobStatus.FAILED, "rows_extracted": self.rows_read, "error": known})

    def _result(self, values: dict[str, object]) -> JobResult:
        ended_at = datetime.now(UTC)
        return JobResult.model_validate(
            {
                "run_id": self.order.run_id,
                "job_id": self.job.job_id,
                "attempt": self.order.attempt,
                "started_at": self.started_at,
                "ended_at": ended_at,
                "duration_seconds": {**self.seconds, "total": (ended_at - self.started_at).total_seconds()},
                **values,
            }
        )
