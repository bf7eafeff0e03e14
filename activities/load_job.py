"""Activity `load_job`: one attempt of one job. It returns an envelope and never raises.

Nothing but its lease, its deadline, a cancel and the work itself ends an attempt: while the audit table cannot be
reached, a running load continues, and its outcome waits. What could not be written after minutes goes back to the
orchestrator as `unrecorded`, and the end of the run writes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from shared.activation.store import configuration_store
from shared.audit.jobs import recent_loads, record_job, record_outcome
from shared.audit.lake_records import as_committed, result_of, unrecorded_loads
from shared.audit.ledger import evidence, last_load, last_rewind, record_load
from shared.audit.patience import patiently
from shared.audit.progress import ProgressRow
from shared.audit.runs import cancel_requested, find_run
from shared.errors.hierarchy import CancelledError
from shared.errors.job_errors import as_job_error, is_unexpected
from shared.host_settings import most_timeout_minutes
from shared.isolation.leases import JobLease, StillHeldError, job_lease
from shared.isolation.parent import Limits, run_in_child
from shared.isolation.slots import SourceFullError, source_slot
from shared.isolation.work_folder import work_folder
from shared.mask_key import mask_key_for
from shared.models.attempt import AttemptOrder, JobResult, JobStatus, Rewind
from shared.models.job import Job, LoadType, Source
from shared.secrets import connection_secret, forget_cached_secrets
from shared.settings import settings
from shared.telemetry.spans import attempt_of_job
from shared.workbook.configuration import Configuration

log = logging.getLogger(__name__)

_LOADS_COMPARED = 3  # that brought rows, before one without any is remarkable
CANCEL_SECONDS = 5  # between two looks whether the run was cancelled
PATIENCE_SECONDS = 120.0  # for the app's own storage, before a load and after it
_STATUS = {"busy": JobStatus.SKIPPED, "cancelled": JobStatus.CANCELLED}


def load_job(order: dict[str, Any]) -> dict[str, Any]:
    """Run one attempt in a child process and write its outcome to the audit table.

    Takes the JSON form of an `AttemptOrder`, returns that of a `JobResult`.
    """
    started_at = datetime.now(UTC)
    result: JobResult | None = None
    try:
        attempt = AttemptOrder.model_validate(order)
        with attempt_of_job(attempt) as ended:
            result = _attempt(attempt, started_at)
            ended(result)
    except Exception as error:  # an input of another shape, or telemetry that breaks
        log.exception("Attempt %s broke", {name: order.get(name) for name in ("run_id", "job_id", "attempt")})
        if result is None:
            result = _failure(str(order.get("run_id")), str(order.get("job_id")), 1, error, started_at)
            result = result.model_copy(update={"unrecorded": True})
    return result.to_json()


def _attempt(attempt: AttemptOrder, started_at: datetime) -> JobResult:
    job: Job | None = None
    progress: ProgressRow | None = None
    load: Callable[[], JobResult] | None = None
    unrecorded = False
    failed = partial(_failure, attempt.run_id, attempt.job_id, attempt.attempt, started_at=started_at)
    try:
        job, configuration = patiently(lambda: _find(attempt), f"Workbook of job {attempt.job_id}", PATIENCE_SECONDS)
        progress = ProgressRow(attempt, job, started_at)
        load = partial(_load, attempt, job, configuration, progress)
        result = load()
    except SourceFullError as error:  # no attempt: the lane asks again
        log.info("Run %s, job %s: %s", attempt.run_id, attempt.job_id, error)
        return failed(error)
    except StillHeldError as error:  # the row is that execution's
        result, unrecorded = failed(error), True
    except Exception as error:
        result = failed(error)
    if result.error and result.error.kind in _STATUS:
        result = result.model_copy(update={"status": _STATUS[result.error.kind]})
    in_ledger = True
    if not unrecorded and not result.unrecorded:
        found = as_committed(result, job, attempt.run_started_at)
        if found is not result:  # what an earlier execution, or a process that died, has loaded stays loaded
            in_ledger = False
            result = _completed(found, load) if load and result.status is not JobStatus.SUCCESS else found
    _log_outcome(result)
    if unrecorded or result.unrecorded:
        return result.model_copy(update={"unrecorded": True})
    return _recorded(result, attempt, job, progress.etag if progress and in_ledger else None, in_ledger)


def _completed(committed: JobResult, load: Callable[[], JobResult]) -> JobResult:
    """What a load came to whose process died after the commit.

    Another execution does what follows a commit: the manifest, and the files that were replaced.
    """
    try:
        again = load()
    except Exception as error:
        log.warning("Run %s, job %s: what follows the commit waits: %s", committed.run_id, committed.job_id, error)
        return committed
    return again if again.status is JobStatus.SUCCESS and again.load_id else committed  # another run may be further


def _recorded(
    result: JobResult, attempt: AttemptOrder, job: Job | None, etag: str | None, in_ledger: bool
) -> JobResult:
    """The result as the audit table has it, after its row is written."""
    result = result.model_copy(update={"lane": attempt.lane, "earlier": attempt.earlier})

    def record() -> JobResult:
        if in_ledger:
            return record_job(result, attempt.run_started_at, job, etag)
        return record_outcome(result, attempt.run_started_at, job)

    try:
        return patiently(record, f"Outcome of job {attempt.job_id}", PATIENCE_SECONDS)
    except Exception:
        log.exception("The outcome of job %s is not in the audit table; the end of the run writes it", attempt.job_id)
        return result.model_copy(update={"unrecorded": True})


def _find(attempt: AttemptOrder) -> tuple[Job, Configuration]:
    store = configuration_store()
    job = _with_parent(store.read_job(attempt.config_sha256, attempt.job_id), attempt)
    return job, store.read_version(attempt.config_sha256)


class _Known(NamedTuple):
    """What the ledger knows of a job before a load."""

    load_id: str | None
    loaded_before: str | None
    needed_bytes: int
    rewind: Rewind | None


def _known(job: Job) -> _Known:
    earlier = last_load(job)
    if earlier is None:
        return _Known(None, None, 0, last_rewind(job))
    is_full = job.load_type is LoadType.FULL
    return _Known(
        load_id=earlier["load_id"],
        loaded_before=None if is_full else evidence(earlier),
        needed_bytes=int(earlier.get("bytes_written", 0)) if is_full else 0,
        rewind=last_rewind(job),
    )


def _recorded_late(attempt: AttemptOrder, job: Job, last_load_id: str | None) -> JobResult | None:
    """Record the loads that were committed by attempts that did not live to report them, with patience; never raises.

    The last load of all is left alone if it is this run's: the child that finds it does what follows the commit.

    Returns:
        The result of this very run, if it has such a load, and there is a later one.
    """
    try:
        what = f"Loads of job {job.job_id} that the ledger lacks"
        return patiently(lambda: _recorded_now(attempt, job, last_load_id), what, PATIENCE_SECONDS)
    except Exception as error:
        log.warning("Whether the ledger has every load of job %s is not known: %s", job.job_id, error)
        return None


def _recorded_now(attempt: AttemptOrder, job: Job, last_load_id: str | None) -> JobResult | None:
    done = None
    records = unrecorded_loads(job, last_load_id)
    if records and records[-1]["run_id"] == attempt.run_id:
        records = records[:-1]
    for record in records:
        late = result_of(record)
        run = find_run(late.run_id)
        log.info("Run %s, job %s: load %s is recorded late", late.run_id, job.job_id, late.load_id)
        record_outcome(late, run["start_time"] if run else late.started_at, job)
        done = late if late.run_id == attempt.run_id else done
    return done


def _with_parent(job: Job, attempt: AttemptOrder) -> Job:
    """An API's job with the job whose rows it goes through."""
    if not job.api_for_each or job.api_for_each.startswith("list:"):
        return job
    parent = configuration_store().read_job(attempt.config_sha256, job.api_for_each.partition(".")[0])
    return job.model_copy(update={"api_parent": parent})


def _load(attempt: AttemptOrder, job: Job, configuration: Configuration, progress: ProgressRow) -> JobResult:
    with ExitStack() as held:
        lease = held.enter_context(job_lease(job.job_id, attempt.run_id))
        known = patiently(lambda: _known(job), f"Ledger of job {job.job_id}", PATIENCE_SECONDS)
        if done := _recorded_late(attempt, job, known.load_id):
            return done
        _Interruptions(attempt).raise_if_cancelled()
        slot = held.enter_context(_slot(attempt, job, configuration, progress))
        folder = held.enter_context(work_folder(known.needed_bytes))
        progress.write("starting", 0)
        interruptions = _Interruptions(attempt, lease, slot)
        secret = connection_secret(configuration.source(job.source_name), job.source_type)
        result: JobResult = run_in_child(
            "shared.loading.attempt:run_attempt",
            {
                "order": attempt.model_copy(update={"lease_id": lease.lease_id}),
                "job": _with_defaults(job, configuration.source(job.source_name)),
                "folder": folder,
                "loaded_before": known.loaded_before,
                "rewind": known.rewind,
                "mask_key": mask_key_for(job, secret),
            },
            secret,
            _limits(job),
            name=job.job_id,
            progress=progress.write,
            raise_if_interrupted=interruptions,
            reusable=lambda loaded: loaded.status is JobStatus.SUCCESS,
        )
        if result.status is JobStatus.SUCCESS:
            result = _with_doubt(job, result)
        if result.status is JobStatus.SUCCESS and not _is_in_ledger(job, result):
            return result.model_copy(update={"unrecorded": True})
    if result.status is JobStatus.FAILED:
        forget_cached_secrets()  # the password may have been rotated: the next attempt reads it again
    return result


def _is_in_ledger(job: Job, result: JobResult) -> bool:
    """Write the load into the ledger while the job is held; False if the audit table refuses it for minutes."""
    try:
        patiently(lambda: record_load(job, result), f"Ledger of job {job.job_id}", PATIENCE_SECONDS)
    except Exception:
        log.exception("The load of job %s is not in the ledger; the end of the run writes it", job.job_id)
        return False
    return True


def _with_doubt(job: Job, result: JobResult) -> JobResult:
    """The result, with a warning where a load brought nothing and every one of the last brought rows."""
    if result.rows_extracted:
        return result
    earlier = [row for row in recent_loads(job.job_id, _LOADS_COMPARED) if row["status"] == JobStatus.SUCCESS.value]
    if len(earlier) < _LOADS_COMPARED or not all(row.get("rows_extracted") for row in earlier):
        return result
    warning = (
        f"The load brought no rows, and each of the {_LOADS_COMPARED} before it brought some: see whether the source "
        "is still being filled."
    )
    return result.model_copy(update={"warnings": (*result.warnings, warning)})


def _with_defaults(job: Job, source: Source) -> Job:
    """The job with what its blank cells take from the row of its source."""
    if job.max_shrink_percent is not None:
        return job
    return job.model_copy(update={"max_shrink_percent": source.max_shrink_percent})


def _limits(job: Job) -> Limits:
    minutes = job.timeout_minutes or settings().job_timeout_minutes
    minutes = min(minutes, most_timeout_minutes() or minutes)
    return Limits(seconds=minutes * 60, megabytes=settings().job_memory_megabytes)


@contextmanager
def _slot(attempt: AttemptOrder, job: Job, configuration: Configuration, progress: ProgressRow) -> Iterator[JobLease]:
    """One of the slots of the job's source; while there is none the job's row says what it waits for."""
    limit = configuration.source(job.source_name).max_concurrent_jobs or settings().source_concurrency
    with ExitStack() as held:
        try:
            slot = held.enter_context(source_slot(job.source_name, limit, job.job_id, attempt.run_id))
        except SourceFullError:
            progress.write("waiting for a slot", 0)
            raise
        yield slot


class _Interruptions:
    """Why a running attempt must end: its lease is lost, or its run was cancelled."""

    def __init__(self, attempt: AttemptOrder, *leases: JobLease) -> None:
        self._attempt = attempt
        self._leases = leases
        self._asked = time.monotonic()
        self._is_unknown = False

    def __call__(self) -> None:
        """Raises LeaseLostError or CancelledError."""
        for lease in self._leases:
            lease.raise_if_lost()
        if time.monotonic() - self._asked > CANCEL_SECONDS:
            self.raise_if_cancelled()
            self._asked = time.monotonic()

    def raise_if_cancelled(self) -> None:
        """Ask the audit table; while it cannot be reached, the run counts as not cancelled."""
        try:
            cancelled = cancel_requested(self._attempt.run_id)
            self._is_unknown = False
        except Exception as error:
            if not self._is_unknown:
                log.warning(
                    "Whether run %s was cancelled is not known, the load continues: %s", self._attempt.run_id, error
                )
            self._is_unknown = True
            return
        if cancelled:
            raise CancelledError("The run was cancelled.")


def _failure(run_id: str, job_id: str, attempt: int, error: Exception, started_at: datetime) -> JobResult:
    known = as_job_error(error)
    if is_unexpected(known):
        log.error("Job %s of run %s broke", job_id, run_id, exc_info=error)
    ended_at = datetime.now(UTC)
    return JobResult(
        run_id=run_id,
        job_id=job_id,
        attempt=attempt,
        status=JobStatus.FAILED,
        started_at=started_at,
        ended_at=ended_at,
        duration_seconds={"total": (ended_at - started_at).total_seconds()},
        error=known,
    )


def _log_outcome(result: JobResult) -> None:
    if result.error:
        log.error(
            "Run %s, job %s, attempt %d: %s (%s): %s",
            *(result.run_id, result.job_id, result.attempt, result.status.value),
            *(result.error.kind, result.error.message),
        )
    else:
        log.info(
            "Run %s, job %s, attempt %d: %s, %d rows in %.1f s",
            *(result.run_id, result.job_id, result.attempt, result.status.value),
            *(result.rows_written, result.duration_seconds.get("total", 0.0)),
        )
