"""What a run is made of: request, plan, lanes, totals, outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared.models.attempt import EarlierAttempt, JobError, JobResult, JobStatus
from shared.models.shape import Shape

ORCHESTRATORS_VERSION = "1"
"""What the orchestrators ask for, and in which order; host.json has the same as `defaultVersion`."""

WAITING = "WAITING"
"""What a job of a run says that was tried and waits for its next attempt."""

LANE_CANCELLED = "cancelled"
"""The external event that ends the waits of a lane."""


def lane_instance(run_id: str, number: int | str) -> str:
    """The instance id of a run's lane; lanes are numbered from 0, and all begin alike."""
    return f"{run_id}:lane-{number}"


class ForeignInputError(ValueError):
    """An orchestration was started with the input of another one, as Durable's restart does."""

    def __init__(self, instance_id: str, run_id: str) -> None:
        super().__init__(
            f"Orchestration '{instance_id}' has the input of run '{run_id}' and does nothing: start a run by "
            f"POST /api/runs, or what failed in that one by POST /api/runs/{run_id}/retry."
        )


class StartedAgainError(RuntimeError):
    """A run was started a second time: the first start was lost on its way, and arrived after the run had ended."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run '{run_id}' was started before; this start came late and does nothing.")


class OtherVersionError(RuntimeError):
    """An orchestration began under another version of the orchestrators than the one that is deployed now."""

    def __init__(self, instance_id: str, version: str) -> None:
        super().__init__(
            f"Orchestration '{instance_id}' began under version '{version}' of the orchestrators, and the app has "
            f"version '{ORCHESTRATORS_VERSION}'."
        )


class RunStatus(StrEnum):
    """How a run ended, seen over all its jobs."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTLY_FAILED = "PARTLY_FAILED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    """Nothing was loaded, and nothing failed: every job was busy or waits, or there was none to run."""


class ConfigVersion(Shape):
    """Which workbook a run was planned from."""

    sha256: str = Field(description="SHA-256 of the workbook's bytes, in hexadecimal.")
    etag: str = Field(description="ETag of the workbook's blob when it was read.")
    activated_at: datetime


class RunRequest(Shape):
    """What a user or a trigger asked for."""

    run_id: str
    trigger: Literal["timer", "http", "blob"]
    requested_at: datetime
    job_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    request_ids: tuple[str, ...] = Field(
        default=(), description="Rows of the sheet Requests that this run carries out."
    )
    full_refresh: bool = False
    retry_of: str | None = Field(default=None, description="The run whose failed jobs this one repeats.")
    reason: str | None = Field(default=None, description="Why it was started, if that is not obvious.")
    ignores_quiet_hours: bool = Field(
        default=False, description="Whether jobs run even in the quiet hours of their source."
    )
    trace_parent: str | None = Field(default=None, description="The trigger's place in its trace, as W3C writes it.")


class JobOptions(Shape):
    """How one job of a run differs from the others."""

    full_refresh: bool = False
    start: str | None = Field(default=None, description="The first watermark of a backfill.")
    end: str | None = Field(default=None, description="The watermark before which a backfill ends.")
    max_attempts: int | None = None


class Lane(Shape):
    """Jobs of one source system that run one after another; a source has as many lanes as it may run jobs at once."""

    source_name: str
    job_ids: tuple[str, ...]
    options: dict[str, JobOptions] = Field(default_factory=dict)


class RunPlan(Shape):
    """What a run will do. Jobs are named by id; their rows are read from the pinned configuration version."""

    request: RunRequest
    config_version: ConfigVersion | None = None
    lanes: tuple[Lane, ...] = ()
    failed: dict[str, str] = Field(default={}, description="Jobs that cannot be planned, with the reason.")
    later_request_ids: tuple[str, ...] = Field(
        default=(),
        description="One-off requests for jobs that have another one in this run; the next run carries them out.",
    )
    max_attempts: int = 1
    retry_seconds: int = 0
    waits_until: datetime | None = Field(
        default=None, description="How long its jobs wait for one-off requests that have them; None: to their end."
    )
    error: JobError | None = None
    is_of_another_start: bool = Field(default=False, description="Whether the run of that id was started before.")

    @property
    def job_count(self) -> int:
        """How many jobs the plan holds over all its lanes, and could not plan."""
        return sum(len(lane.job_ids) for lane in self.lanes) + len(self.failed)


class PendingJob(Shape):
    """A job of a lane that is still to be loaded, and its next attempt."""

    job_id: str
    attempt: int = 1
    not_before: datetime | None = None
    waits: int = Field(default=0, description="How often the job has waited because its source asked for it.")
    reason: str | None = Field(default=None, description="Why the last attempt is followed by another one.")
    interruptions: int = Field(
        default=0, description="How often an attempt was interrupted through no fault of the job."
    )
    earlier: tuple[EarlierAttempt, ...] = Field(default=(), description="The attempts so far, in their order.")


class Totals(Shape):
    """What a lane or a run did so far."""

    jobs_total: int = 0
    jobs_succeeded: int = 0
    jobs_failed: int = 0
    jobs_skipped: int = 0
    jobs_cancelled: int = 0
    rows_extracted: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    unrecorded: tuple[JobResult, ...] = Field(
        default=(), description="Results that the audit table does not have yet; the end of the run writes them."
    )

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in Totals.model_fields})

    def with_result(self, result: JobResult) -> Totals:
        """These totals and one more job that has ended."""
        counted = {
            JobStatus.SUCCESS: "jobs_succeeded",
            JobStatus.FAILED: "jobs_failed",
            JobStatus.SKIPPED: "jobs_skipped",
            JobStatus.CANCELLED: "jobs_cancelled",
        }[result.status]
        rows = {"rows_extracted": result.rows_extracted, "rows_written": result.rows_written}
        unrecorded = (result,) if result.unrecorded else ()
        return self + Totals(**{counted: 1}, **rows, bytes_written=result.bytes_written, unrecorded=unrecorded)

    @property
    def jobs_done(self) -> int:
        """Jobs that have ended, however."""
        return self.jobs_succeeded + self.jobs_failed + self.jobs_skipped + self.jobs_cancelled

    def run_status(self) -> RunStatus:
        """How a run with these totals ended. A job that was never reported counts as failed."""
        missing = self.jobs_total - self.jobs_done
        if self.jobs_failed + missing == 0:
            if self.jobs_cancelled:
                return RunStatus.CANCELLED
            return RunStatus.SUCCEEDED if self.jobs_succeeded else RunStatus.SKIPPED
        return RunStatus.PARTLY_FAILED if self.jobs_succeeded else RunStatus.FAILED


class LaneOrder(Shape):
    """The input of the sub-orchestration `source_lane`; it holds everything that the lane decides by.

    A long lane starts over with a new history now and then: `pending` and `totals` are how far it has come.
    """

    lane: Lane
    request: RunRequest
    config_sha256: str
    max_attempts: int
    retry_seconds: int
    waits_until: datetime | None = None
    pending: tuple[PendingJob, ...] | None = Field(default=None, description="What is left; at first the whole lane.")
    totals: Totals = Totals()


class RunOutcome(Shape):
    """The input of the activity `finish_run` and, with the status, the output of the run."""

    request: RunRequest
    config_version: ConfigVersion | None = None
    totals: Totals = Totals()
    error: JobError | None = None
    broken_jobs: tuple[str, ...] = Field(default=(), description="Jobs of lanes that ended without totals.")
    was_terminated: bool = Field(
        default=False, description="Whether its orchestration was ended from outside, or by a deployment."
    )

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        if self.was_terminated:
            return RunStatus.CANCELLED
        return RunStatus.FAILED if self.error else self.totals.run_status()


RunPlan.model_rebuild()


@dataclass(frozen=True)
class LastRun:
    """What the audit table knows of a job: when its last run began and how many seconds it took."""

    started_at: datetime
    seconds: float
