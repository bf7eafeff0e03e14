"""Every trigger of the app, route by route: registers and delegates, nothing else.

Importing this module loads neither dlt nor pyarrow nor a database driver: the host indexes it at every cold start.
An activity's parameter is a bare `dict`: the worker refuses `dict[str, Any]` there, and with it the whole app.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func

import activities.finish_run
import activities.load_job
import activities.maintain_job
import activities.plan_maintenance
import activities.plan_run
import orchestrators.ingestion_run
import orchestrators.maintenance_run
import orchestrators.source_lane
from orchestrators.versions import under_its_version
from shared.api.answers import (
    ChartedLoads,
    Health,
    JobDetail,
    JobList,
    JobMasks,
    LoadList,
    Rehearsal,
    RunAccepted,
    RunDescription,
    RunList,
    Unhealthy,
)
from shared.api.caller import Caller
from shared.api.configuration_answers import (
    ConfigurationState,
    RolledBack,
    UploadRefused,
    UploadTaken,
    ValidationReport,
    VersionList,
)
from shared.api.endpoint import Accepted, File
from shared.api.queries import ChartQuery, HistoryQuery, JobsQuery, RunQuery, RunsQuery, UploadQuery, ValidationQuery
from shared.api.registry import Routes
from shared.api.routes.configuration import (
    RollbackBody,
    check_workbook,
    describe_configuration,
    list_history,
    roll_back,
)
from shared.api.routes.discovery import DiscoverBody, DiscoveryAnswer, discover_source
from shared.api.routes.health import health
from shared.api.routes.job import describe_job, describe_masks
from shared.api.routes.jobs import list_jobs
from shared.api.routes.loads import list_history_of_job, list_loads
from shared.api.routes.run_description import describe_run
from shared.api.routes.run_timeline import describe_timeline
from shared.api.routes.runs import RunBody, cancel_run, list_runs, retry_run, start_requested_run
from shared.api.routes.uploads import XLSX, read_annotated, upload_workbook
from shared.api.routes.watermarks import WatermarkAnswer, WatermarkBody, rewind_watermark
from shared.api.timeline_answers import RunTimeline
from shared.dashboard import dashboard_page
from shared.housekeeping.tick import tidy_up
from shared.runs.maintenance import start_maintenance
from shared.runs.start import start_ordered_run, start_scheduled_run
from shared.runs.uploads import take_in_given_up, take_in_upload
from shared.runs.watch import watch_over
from shared.settings import workbook_trigger_source
from shared.telemetry.invocation import in_thread, invocation
from shared.telemetry.setup import set_up_telemetry

set_up_telemetry()
app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
routes = Routes(app)


@app.timer_trigger(arg_name="timer", schedule="%INGESTION_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def scheduled_run(
    timer: func.TimerRequest,
    client: df.DurableOrchestrationClient,
    context: func.Context,
) -> None:
    """Start a run on schedule."""
    with invocation(context):
        await start_scheduled_run(client, timer.past_due)


@app.blob_trigger(
    arg_name="workbook",
    path="%CONFIG_CONTAINER%/%CONFIG_BLOB%",
    connection="ConfigStorage",
    source=func.BlobSource(workbook_trigger_source()),
)
@app.durable_client_input(client_name="client")
async def workbook_uploaded(
    workbook: func.InputStream,  # noqa: ARG001  the newest state is read with its ETag
    client: df.DurableOrchestrationClient,
    context: func.Context,
) -> None:
    """Take in a new workbook and carry out its one-off requests."""
    with invocation(context):
        await in_thread(take_in_upload)
        await start_ordered_run(client)


@app.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="ConfigStorage")
async def upload_given_up(message: func.QueueMessage, context: func.Context) -> None:
    """Report an upload that the host has given up after five failures."""
    with invocation(context):
        await in_thread(take_in_given_up, message.get_body())


@app.timer_trigger(arg_name="timer", schedule="%HOUSEKEEPING_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def housekeeping(
    timer: func.TimerRequest,
    client: df.DurableOrchestrationClient,
    context: func.Context,
) -> None:
    """Remove what is old."""
    with invocation(context):
        await tidy_up(client, timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="%MAINTENANCE_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def maintenance(
    timer: func.TimerRequest,
    client: df.DurableOrchestrationClient,
    context: func.Context,
) -> None:
    """Keep the Delta tables in shape."""
    with invocation(context):
        await start_maintenance(client, timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="%WATCH_SCHEDULE%")
@app.durable_client_input(client_name="client")
async def watch(
    timer: func.TimerRequest,  # noqa: ARG001
    client: df.DurableOrchestrationClient,
    context: func.Context,
) -> None:
    """Look for what should have happened and did not."""
    with invocation(context):
        await watch_over(client)


@routes.post("runs", {HTTPStatus.CONFLICT: "A run with that id exists."})
async def start_run(client: df.DurableOrchestrationClient, body: RunBody) -> Accepted[RunAccepted] | Rehearsal:
    """Start a run now; with `dry_run` answer what it would do."""
    return await start_requested_run(client, body)


@routes.get("runs")
async def get_runs(client: df.DurableOrchestrationClient, query: RunsQuery) -> RunList:
    """List the runs, the newest first."""
    return await list_runs(client, query)


@routes.get("runs/{run_id}", {HTTPStatus.NOT_FOUND: "No such run."})
async def get_run(client: df.DurableOrchestrationClient, run_id: str, query: RunQuery) -> RunDescription:
    """Describe a run and its jobs."""
    return await describe_run(client, run_id, query)


@routes.get("runs/{run_id}/timeline", {HTTPStatus.NOT_FOUND: "No such run."})
async def get_timeline(client: df.DurableOrchestrationClient, run_id: str) -> RunTimeline:
    """Say what ran when in a run, and what it cost."""
    return await describe_timeline(client, run_id)


@routes.post(
    "runs/{run_id}/cancel",
    {HTTPStatus.NOT_FOUND: "No such run.", HTTPStatus.CONFLICT: "The run has ended."},
)
async def post_cancel(client: df.DurableOrchestrationClient, run_id: str) -> Accepted[RunAccepted]:
    """Cancel a run."""
    return await cancel_run(client, run_id)


@routes.post(
    "runs/{run_id}/retry",
    {HTTPStatus.NOT_FOUND: "No such run.", HTTPStatus.CONFLICT: "The run is active, or nothing failed."},
)
async def post_retry(client: df.DurableOrchestrationClient, run_id: str) -> Accepted[RunAccepted]:
    """Start a run of the jobs that failed in an earlier one or were cancelled."""
    return await retry_run(client, run_id)


@routes.get(
    "jobs",
    {
        HTTPStatus.NOT_FOUND: "No workbook is active.",
        HTTPStatus.CONFLICT: "Another version of the workbook became active between two pages.",
    },
)
async def get_jobs(client: df.DurableOrchestrationClient, query: JobsQuery) -> JobList:
    """List the jobs of the active workbook: their last results, and what runs of them now."""
    return await list_jobs(client, query)


@routes.get("jobs/{job_id}", {HTTPStatus.NOT_FOUND: "No workbook is active, or it has no such job."})
async def get_job(job_id: str) -> JobDetail:
    """Describe what a job's cells come to, with defaults and placeholders."""
    return await describe_job(job_id)


@routes.get(
    "jobs/{job_id}/masks",
    {
        HTTPStatus.NOT_FOUND: "No workbook is active, or it has no such job.",
        HTTPStatus.CONFLICT: "It is a wildcard job, or its table is not in the lake.",
    },
)
async def get_job_masks(job_id: str) -> JobMasks:
    """Describe what a job masks, and which files still hold plain values."""
    return await describe_masks(job_id)


@routes.get("jobs/{job_id}/history", {HTTPStatus.NOT_FOUND: "No such job, and no recorded loads of it."})
async def get_job_history(job_id: str, query: HistoryQuery) -> LoadList:
    """List the loads of a job, the newest first."""
    return await list_history_of_job(job_id, query)


@routes.post(
    "jobs/{job_id}/watermark",
    {
        HTTPStatus.NOT_FOUND: "No such job.",
        HTTPStatus.CONFLICT: "The job is running, or rows would be duplicated.",
    },
)
async def post_watermark(job_id: str, body: WatermarkBody, caller: Caller) -> WatermarkAnswer:
    """Let the next load of a job start elsewhere."""
    return await rewind_watermark(job_id, body, caller.name)


@routes.get("loads")
async def get_loads(query: ChartQuery) -> ChartedLoads:
    """List the last loads of some jobs, for charts."""
    return await list_loads(query.job_ids)


@routes.get("config")
async def get_config() -> ConfigurationState:
    """Describe the active version of the workbook and the last refused upload."""
    return await describe_configuration()


@routes.put(
    "config",
    {HTTPStatus.CONFLICT: "Another version became active since the workbook was checked, or a newer upload is active."},
)
async def put_config(
    client: df.DurableOrchestrationClient, content: bytes, query: UploadQuery, caller: Caller
) -> UploadTaken | Annotated[UploadRefused, HTTPStatus.UNPROCESSABLE_ENTITY]:
    """Upload a workbook: it becomes the active version, or is refused."""
    return await upload_workbook(client, content, query.replaces, caller.name)


@routes.get("config/refused/{refused_id}", {HTTPStatus.NOT_FOUND: "No such upload, or it could not be opened."})
async def get_refused(refused_id: str) -> Annotated[File, XLSX]:
    """Return a refused upload with the problems at their cells."""
    return await read_annotated(refused_id)


@routes.post(
    "config/validate",
    {HTTPStatus.UNPROCESSABLE_ENTITY: "The file cannot be opened, so its problems cannot be shown in it."},
)
async def post_validate(content: bytes, query: ValidationQuery) -> ValidationReport | Annotated[File, XLSX]:
    """Check a workbook."""
    return await check_workbook(content, query.annotated)


@routes.get("config/history")
async def get_history() -> VersionList:
    """List the versions of the workbook."""
    return await list_history()


@routes.post(
    "config/rollback",
    {HTTPStatus.NOT_FOUND: "No such version.", HTTPStatus.CONFLICT: "The version is active."},
)
async def post_rollback(body: RollbackBody, caller: Caller) -> RolledBack:
    """Bring an earlier version of the workbook back."""
    return await roll_back(body, caller.name)


@routes.post(
    "sources/{source_name}/discover",
    {
        HTTPStatus.NOT_FOUND: "The source has no connection.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "The source refuses, or the workbook cannot be read.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The source does not answer, or too many look into theirs.",
    },
)
async def post_discover(source_name: str, body: DiscoverBody) -> DiscoveryAnswer:
    """Look into a source and fill in a workbook with its tables or endpoints."""
    return await discover_source(source_name, body)


@routes.get("dashboard", is_open=True)
async def get_dashboard() -> Annotated[File, "text/html"]:
    """Serve the page that shows all this in a browser; it asks for the key itself."""
    return File(*dashboard_page())


@routes.get("openapi.json")
async def get_openapi() -> Annotated[File, "application/json"]:
    """Describe every route: this document."""
    return File(json.dumps(routes.document()).encode())


@routes.get("health", is_open=True)
async def get_health() -> Health | Annotated[Unhealthy, HTTPStatus.SERVICE_UNAVAILABLE]:
    """Say whether the app can work."""
    return await health()


@app.orchestration_trigger(context_name="context")
def ingestion_run(context: df.DurableOrchestrationContext) -> Any:
    """Plan, load lane by lane, finish."""
    return (yield from under_its_version(context, orchestrators.ingestion_run.ingestion_run))


@app.orchestration_trigger(context_name="context")
def source_lane(context: df.DurableOrchestrationContext) -> Any:
    """The jobs of one lane, one after another."""
    return (yield from under_its_version(context, orchestrators.source_lane.source_lane))


@app.orchestration_trigger(context_name="context")
def maintenance_run(context: df.DurableOrchestrationContext) -> Any:
    """Compact and vacuum the Delta tables, job by job."""
    return (yield from under_its_version(context, orchestrators.maintenance_run.maintenance_run))


@app.activity_trigger(input_name="request")
def plan_run(request: dict) -> dict[str, Any]:
    """A request becomes a plan."""
    return activities.plan_run.plan_run(request)


@app.activity_trigger(input_name="order")
def load_job(order: dict) -> dict[str, Any]:
    """One attempt of one job."""
    return activities.load_job.load_job(order)


@app.activity_trigger(input_name="outcome")
def finish_run(outcome: dict) -> dict[str, Any]:
    """The fan-in."""
    return activities.finish_run.finish_run(outcome)


@app.activity_trigger(input_name="maintenance")
def plan_maintenance(maintenance: dict) -> dict[str, Any]:
    """The jobs that have Delta tables."""
    return activities.plan_maintenance.plan_maintenance(maintenance)


@app.activity_trigger(input_name="order")
def maintain_job(order: dict) -> dict[str, Any]:
    """The Delta tables of one job."""
    return activities.maintain_job.maintain_job(order)
