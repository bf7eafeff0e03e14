"""The orchestrator of a run: plan → one sub-orchestration per lane → finish. Deterministic: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from azure.durable_functions import DurableOrchestrationContext

from orchestrators.patience import patiently, waits
from shared.models.attempt import JobError
from shared.models.run import (
    ForeignInputError,
    LaneOrder,
    RunOutcome,
    RunPlan,
    RunRequest,
    StartedAgainError,
    Totals,
    lane_instance,
)

Steps = Generator[Any, Any, dict[str, Any]]

TO_PLAN = waits(timedelta(minutes=10))  # how long a run tries to be planned
TO_FINISH = waits(timedelta(hours=1))  # how long it tries to write how it ended; after that the watch does it


def ingestion_run(context: DurableOrchestrationContext) -> Steps:
    """Run every lane of the plan and sum them up; returns the outcome that `finish_run` wrote."""
    plan = yield from _planned(context)
    unplanned = Totals(jobs_total=len(plan.failed), jobs_failed=len(plan.failed))
    totals = unplanned + Totals(jobs_total=plan.job_count - len(plan.failed))
    context.set_custom_status(_status("loading", totals))
    error = plan.error
    broken_jobs: tuple[str, ...] = ()
    if plan.lanes and plan.config_version:  # task_all of nothing yields None: a run of no jobs has no lanes to wait for
        lane_totals, broken_jobs, error = yield from _loaded(context, plan)
        totals = unplanned + lane_totals
    outcome = RunOutcome(
        request=plan.request,
        config_version=plan.config_version,
        totals=totals,
        error=error,
        broken_jobs=broken_jobs,
    )
    context.set_custom_status(_status("finishing", totals))
    finished: dict[str, Any] = yield from patiently(context, "finish_run", outcome.to_json(), TO_FINISH)
    context.set_custom_status(_status("finished", RunOutcome.model_validate(finished["outcome"]).totals))
    if plan.later_request_ids:
        following = _following(plan)
        yield context.call_sub_orchestrator("ingestion_run", following.to_json(), following.run_id)
    return finished


def _planned(context: DurableOrchestrationContext) -> Generator[Any, Any, RunPlan]:
    """The plan of the run; the reason why it cannot be planned is in the plan."""
    request = context.get_input()
    if request["run_id"] != context.instance_id:
        raise ForeignInputError(context.instance_id, request["run_id"])
    context.set_custom_status({"stage": "planning"})
    try:
        plan = yield from patiently(context, "plan_run", request, TO_PLAN, _is_unplannable_for_now)
    except Exception as failure:
        error = JobError(kind="activity", message=f"The run could not be planned: {str(failure)[:500]}")
        return RunPlan(request=RunRequest.model_validate(request), error=error)
    planned = RunPlan.model_validate(plan)
    if planned.is_of_another_start:
        raise StartedAgainError(context.instance_id)
    return planned


def _is_unplannable_for_now(plan: Any) -> bool:
    error = RunPlan.model_validate(plan).error
    return error is not None and error.retryable


def _loaded(
    context: DurableOrchestrationContext, plan: RunPlan
) -> Generator[Any, Any, tuple[Totals, tuple[str, ...], JobError | None]]:
    """Run every lane; returns their totals, and the jobs of lanes that broke with the reason.

    When one lane breaks, the others continue to their end: what they load belongs to the run.
    """
    lanes = [
        context.call_sub_orchestrator("source_lane", order.to_json(), lane_instance(context.instance_id, number))
        for number, order in enumerate(_lane_orders(plan))
    ]
    totals = Totals()
    broken_jobs: tuple[str, ...] = ()
    error = None
    try:
        yield context.task_all(lanes)  # asks for all of them at once; it raises as soon as one breaks
    except Exception as failure:
        error = JobError(kind="lane", message=f"A lane of the run broke: {str(failure)[:500]}")
    for lane, task in zip(plan.lanes, lanes, strict=True):
        try:
            totals += Totals.model_validate((yield task))
        except Exception:
            totals += Totals(jobs_total=len(lane.job_ids))
            broken_jobs += lane.job_ids
    return totals, broken_jobs, error


def _following(plan: RunPlan) -> RunRequest:
    """The run after this one, for one-off requests that name a job which this one has had another request for."""
    update = {"run_id": f"{plan.request.run_id}-next", "request_ids": plan.later_request_ids}
    return plan.request.model_copy(update=update)


def _lane_orders(plan: RunPlan) -> list[LaneOrder]:
    assert plan.config_version is not None
    return [
        LaneOrder(
            lane=lane,
            request=plan.request,
            config_sha256=plan.config_version.sha256,
            max_attempts=plan.max_attempts,
            retry_seconds=plan.retry_seconds,
            waits_until=plan.waits_until,
        )
        for lane in plan.lanes
    ]


def _status(stage: str, totals: Totals) -> dict[str, Any]:
    return {
        "stage": stage,
        "jobs_total": totals.jobs_total,
        "jobs_done": totals.jobs_done,
        "jobs_failed": totals.jobs_failed,
        "rows": totals.rows_written,
    }
