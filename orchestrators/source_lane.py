"""The orchestrator of a lane: the jobs of one source, one after another, with attempts on durable timers.

A job whose failure is transient goes to the end of the queue, so that the wait before its next attempt is spent on
the lane's other jobs. The orchestrator never raises: every error becomes a failed job, and the lane continues.
A long lane continues as new: every attempt replays the history before it, so that history must not grow without end.

A source that asks to be left alone for longer than an attempt can wait gets its wait on a durable timer; such a wait
spends no attempt. The event `LANE_CANCELLED` ends every wait: the run was cancelled, and `load_job` says so for each
job.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator, Iterable
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any
from zlib import crc32

from azure.durable_functions import DurableOrchestrationContext

from shared.models.attempt import BUSY, LOST, AttemptOrder, EarlierAttempt, JobError, JobResult, JobStatus
from shared.models.run import (
    LANE_CANCELLED,
    ForeignInputError,
    JobOptions,
    LaneOrder,
    PendingJob,
    Totals,
    lane_instance,
)

LONGEST_WAIT = timedelta(minutes=15)
LONGEST_ASKED_WAIT = timedelta(hours=24)  # a source that asks for more is asked again after this
FREE_WAITS = 3  # after so many waits that the source asked for, each one spends an attempt
NOT_THE_JOBS_FAULT = (LOST, "lease_lost")  # the worker died, a host was frozen: that spends no attempt
FREE_INTERRUPTIONS = 5  # of a job; after so many, each one spends an attempt: the job itself may be what kills workers
HISTORY_ATTEMPTS = 100  # after so many a lane continues with a new history
WAITING = "waiting"  # the kind of an attempt that found the slots of its source taken by other runs
SLOT_WAIT = timedelta(seconds=5)
WAITS_LENGTH = 7_000  # characters of a custom status, which Durable limits to 16 KB of UTF-16; more waits are not named
REASON_LENGTH = 120
EARLIER_KEPT = 20  # attempts before the last one of which the audit says when they ran
JITTER = 0.25  # of the wait, so that jobs that failed together do not come back together

_SHOWN_OF_A_WAIT = {"job_id", "attempt", "not_before", "reason"}


def source_lane(context: DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any] | None]:
    """Work off the lane; returns its totals. Custom status: counts, the running job, and those that wait."""
    order = LaneOrder.model_validate(context.get_input())
    if not context.instance_id.startswith(lane_instance(order.request.run_id, "")):
        raise ForeignInputError(context.instance_id, order.request.run_id)
    if order.pending is None:
        queue = deque(PendingJob(job_id=job_id) for job_id in order.lane.job_ids)
        totals = Totals(jobs_total=len(queue))
    else:
        queue, totals = deque(order.pending), order.totals
    attempts = 0
    cancelled = False
    while queue:
        if attempts == HISTORY_ATTEMPTS:
            context.continue_as_new(order.model_copy(update={"pending": tuple(queue), "totals": totals}).to_json())
            return None
        attempts += 1
        pending = _first_due(queue, context.current_utc_datetime)
        if not cancelled and pending.not_before and pending.not_before > context.current_utc_datetime:
            context.set_custom_status(_status(order, totals, None, (pending, *queue)))
            cancelled = yield from _wait(context, pending.not_before)
        context.set_custom_status(_status(order, totals, pending, queue))
        began = context.current_utc_datetime
        result = yield from _attempt(context, order, pending)
        cancelled = cancelled or result.status is JobStatus.CANCELLED
        if _has_to_wait(result, order, context.current_utc_datetime):
            asked = result.error.retry_after_seconds if result.error else None
            wait = timedelta(seconds=max(order.retry_seconds, asked or 1))
            held = {"not_before": context.current_utc_datetime + wait, "reason": _reason(result.error)}
            queue.append(pending.model_copy(update=held))
        elif result.error and result.error.kind == WAITING:  # for a slot of the source: no attempt was made
            queue.appendleft(pending)  # the lane's other jobs would wait for the same slots
            until = context.current_utc_datetime + SLOT_WAIT
            if cancelled:  # and its note could not be read: the next attempt does
                yield context.create_timer(until)
            else:
                cancelled = yield from _wait(context, until)
        elif result.error and _asks_to_wait(result.error) and pending.waits < FREE_WAITS:
            again = _next_attempt(context, order, pending, result.error, began)
            queue.append(again.model_copy(update={"attempt": pending.attempt, "waits": pending.waits + 1}))
        elif result.error and _is_not_the_jobs_fault(result.error) and pending.interruptions < FREE_INTERRUPTIONS:
            again = _next_attempt(context, order, pending, result.error, began)
            queue.append(
                again.model_copy(update={"attempt": pending.attempt, "interruptions": pending.interruptions + 1})
            )
        elif result.error and result.error.retryable and pending.attempt < _max_attempts(order, pending.job_id):
            queue.append(_next_attempt(context, order, pending, result.error, began))
        else:
            totals = totals.with_result(result)
    context.set_custom_status(_status(order, totals, None, ()))
    return totals.to_json()


def _first_due(queue: deque[PendingJob], now: datetime) -> PendingJob:
    """Take the next job that need not wait, or that whose wait ends first."""
    due = next((one for one in queue if one.not_before is None or one.not_before <= now), None)
    first = due or min(queue, key=lambda one: one.not_before or now)
    queue.remove(first)
    return first


def _wait(context: DurableOrchestrationContext, until: datetime) -> Generator[Any, Any, bool]:
    """Wait on a durable timer; returns whether the run was cancelled meanwhile."""
    timer = context.create_timer(until)
    cancel = context.wait_for_external_event(LANE_CANCELLED)
    first = yield context.task_any([timer, cancel])
    if first is cancel and not timer.is_completed:
        timer.cancel()
    return first is cancel


def _is_not_the_jobs_fault(error: JobError) -> bool:
    return error.retryable and error.kind in NOT_THE_JOBS_FAULT


def _asks_to_wait(error: JobError) -> bool:
    return error.retryable and error.retry_after_seconds is not None


def _attempt(
    context: DurableOrchestrationContext, order: LaneOrder, pending: PendingJob
) -> Generator[Any, Any, JobResult]:
    options = order.lane.options.get(pending.job_id, JobOptions())
    attempt = AttemptOrder(
        run_id=order.request.run_id,
        run_started_at=order.request.requested_at,
        job_id=pending.job_id,
        attempt=pending.attempt,
        config_sha256=order.config_sha256,
        full_refresh=order.request.full_refresh or options.full_refresh,
        start=options.start,
        end=options.end,
        trace_parent=order.request.trace_parent,
        lane=_lane_number(context),
        earlier=pending.earlier,
    )
    try:
        return JobResult.model_validate((yield context.call_activity("load_job", attempt.to_json())))
    except Exception as failure:
        now = context.current_utc_datetime
        message = f"The attempt ended without a result: {str(failure)[:500]}"
        return JobResult(
            run_id=order.request.run_id,
            job_id=pending.job_id,
            attempt=pending.attempt,
            status=JobStatus.FAILED,
            started_at=now,
            ended_at=now,
            error=JobError(kind=LOST, message=message, retryable=True),
            unrecorded=True,
        )


def _has_to_wait(result: JobResult, order: LaneOrder, now: datetime) -> bool:
    """Whether the job is held by what ends by itself. It spends no attempt.

    That is an earlier execution of the very attempt; a one-off request, for which a run of the schedule waits until the
    timer's next tick loads the job anyway; or, where the job was asked for by a one-off request or is to be loaded from
    the start, another run.
    """
    if result.error is None:
        return False
    if result.error.kind == BUSY:
        if order.request.request_ids or order.request.full_refresh:
            return True
        return result.error.is_held_by_a_request and (order.waits_until is None or now < order.waits_until)
    return result.error.kind == "still_held"


def _lane_number(context: DurableOrchestrationContext) -> int | None:
    number = str(context.instance_id).rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def _max_attempts(order: LaneOrder, job_id: str) -> int:
    options = order.lane.options.get(job_id)
    return options.max_attempts if options and options.max_attempts else order.max_attempts


def _next_attempt(
    context: DurableOrchestrationContext, order: LaneOrder, pending: PendingJob, error: JobError, began: datetime
) -> PendingJob:
    wait = min(
        timedelta(seconds=order.retry_seconds * 2 ** (pending.attempt + pending.interruptions - 1)), LONGEST_WAIT
    )
    wait += (
        wait * JITTER * _fraction(f"{order.request.run_id}/{pending.job_id}/{pending.attempt + pending.interruptions}")
    )
    if error.retry_after_seconds is not None:
        asked = min(timedelta(seconds=min(error.retry_after_seconds, 1e9)), LONGEST_ASKED_WAIT)
        wait = max(wait, asked + timedelta(seconds=1))
    not_before = context.current_utc_datetime + wait
    ended = EarlierAttempt(
        attempt=pending.attempt, start_time=began, end_time=context.current_utc_datetime, error_kind=error.kind
    )
    following = {
        "attempt": pending.attempt + 1,
        "not_before": not_before,
        "reason": _reason(error),
        "earlier": (*pending.earlier, ended)[-EARLIER_KEPT:],
    }
    return pending.model_copy(update=following)


def _reason(error: JobError | None) -> str | None:
    return error.message[:REASON_LENGTH] if error else None


def _fraction(text: str) -> float:
    """A number from 0 to 1 that follows from the text: a replay has to come to the same wait."""
    return crc32(text.encode()) / 2**32


def _status(
    order: LaneOrder, totals: Totals, pending: PendingJob | None, queue: Iterable[PendingJob]
) -> dict[str, Any]:
    return {
        "source_name": order.lane.source_name,
        "jobs_total": totals.jobs_total,
        "jobs_done": totals.jobs_done,
        "jobs_failed": totals.jobs_failed,
        "rows": totals.rows_written,
        "job_id": pending.job_id if pending else None,
        "attempt": pending.attempt if pending else None,
        "waiting": _waiting(queue),
    }


def _waiting(queue: Iterable[PendingJob]) -> list[dict[str, Any]]:
    """The jobs that were tried and are tried again."""
    waits = [job.model_dump(mode="json", include=_SHOWN_OF_A_WAIT) for job in queue if job.reason]
    lengths = accumulate(len(json.dumps(wait)) for wait in waits)
    return [wait for wait, length in zip(waits, lengths, strict=True) if length <= WAITS_LENGTH]
