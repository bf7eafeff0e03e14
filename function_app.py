"""Every trigger of the app, route by route: registers and delegates, nothing else.

Importing this module loads neither dlt nor pyarrow nor a database driver: the host indexes it at every cold start.
"""

from __future__ import annotations

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func

import activities.activate_workbook
import activities.finish_run
import activities.load_job
import activities.plan_run
import orchestrators.ingestion_run
import orchestrators.source_lane
from shared.api.lists import list_history_of_job, list_runs
from shared.configuration_api import check_workbook, describe_configuration, list_history, roll_back
from shared.health import health
from shared.housekeeping.tick import tidy_up
from shared.http import json_response
from shared.job_list import list_jobs
from shared.loads import list_loads
from shared.notifications.notifier import notify_of_time
from shared.runs import cancel_run, describe_run, start_ordered_run, start_requested_run, start_scheduled_run
from shared.settings import settings

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.timer_trigger(arg_name="timer", schedule="%INGESTION_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def scheduled_run(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001
    """Start a run on schedule."""
    await start_scheduled_run(client)


@app.blob_trigger(
    arg_name="workbook",
    path="%CONFIG_CONTAINER%/%CONFIG_BLOB%",
    connection="ConfigStorage",
    source=func.BlobSource(settings().workbook_trigger_source),
)
@app.durable_client_input(client_name="client")
async def workbook_uploaded(
    workbook: func.InputStream,  # noqa: ARG001  the newest state is read with its ETag
    client: df.DurableOrchestrationClient,
) -> None:
    """Take in a new workbook and carry out its orders."""
    await asyncio.to_thread(activities.activate_workbook.activate_workbook)
    await start_ordered_run(client)


@app.timer_trigger(arg_name="timer", schedule="%HOUSEKEEPING_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001
    """Remove what is old."""
    await tidy_up(client)


@app.timer_trigger(arg_name="timer", schedule="%WATCH_SCHEDULE%")
async def watch(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Look for what should have happened and has not."""
    await asyncio.to_thread(notify_of_time)


@app.route(route="runs", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start a run now."""
    return await start_requested_run(client, req.get_body())


@app.route(route="runs", methods=["GET"])
async def get_runs(req: func.HttpRequest) -> func.HttpResponse:
    """List the runs."""
    return await list_runs(req.params)


@app.route(route="runs/{run_id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def get_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Tell how a run goes."""
    return await describe_run(client, req.route_params["run_id"])


@app.route(route="runs/{run_id}/cancel", methods=["POST"])
@app.durable_client_input(client_name="client")
async def post_cancel(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Cancel a run."""
    return await cancel_run(client, req.route_params["run_id"])


@app.route(route="jobs", methods=["GET"])
async def get_jobs(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """List the jobs of the active workbook."""
    return await list_jobs()


@app.route(route="loads", methods=["GET"])
async def get_loads(req: func.HttpRequest) -> func.HttpResponse:
    """List the last loads of some jobs, for charts."""
    return await list_loads(req.params)


@app.route(route="jobs/{job_id}/history", methods=["GET"])
async def get_job_history(req: func.HttpRequest) -> func.HttpResponse:
    """List the loads of a job."""
    return await list_history_of_job(req.route_params["job_id"], req.params)


@app.route(route="config", methods=["GET"])
async def get_config(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """Tell which version of the workbook is active."""
    return await describe_configuration()


@app.route(route="config/validate", methods=["POST"])
async def post_validate(req: func.HttpRequest) -> func.HttpResponse:
    """Check a workbook."""
    return await check_workbook(req.get_body(), annotated=req.params.get("annotated") == "1")


@app.route(route="config/history", methods=["GET"])
async def get_history(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """List the versions of the workbook."""
    return await list_history()


@app.route(route="config/rollback", methods=["POST"])
async def post_rollback(req: func.HttpRequest) -> func.HttpResponse:
    """Bring an earlier version back."""
    return await roll_back(req.get_body())


@app.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """Tell whether the app can work."""
    healthy, state = await asyncio.to_thread(health)
    return json_response(state, 200 if healthy else 503)


@app.orchestration_trigger(context_name="context")
def ingestion_run(context: df.DurableOrchestrationContext) -> Any:
    """Plan, load lane by lane, finish."""
    return (yield from orchestrators.ingestion_run.ingestion_run(context))


@app.orchestration_trigger(context_name="context")
def source_lane(context: df.DurableOrchestrationContext) -> Any:
    """The jobs of one lane, one after another."""
    return (yield from orchestrators.source_lane.source_lane(context))


@app.activity_trigger(input_name="request")
def plan_run(request: dict[str, Any]) -> dict[str, Any]:
    """A request becomes a plan."""
    return activities.plan_run.plan_run(request)


@app.activity_trigger(input_name="order")
def load_job(order: dict[str, Any]) -> dict[str, Any]:
    """One attempt of one job."""
    return activities.load_job.load_job(order)


@app.activity_trigger(input_name="outcome")
def finish_run(outcome: dict[str, Any]) -> dict[str, Any]:
    """The fan-in."""
    return activities.finish_run.finish_run(outcome)
