"""A small app with one function for each thing the host can do. Activities leave marks in the folder `MARKS`."""

import json
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

Steps = Generator[Any, Any, Any]

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)

inside: list[None] = []
all_inside = threading.Barrier(4)  # host.json lets so many activities run at once


def mark(name: str) -> int:
    """Leave one more mark of that name; gives how many there are now."""
    folder = Path(os.environ["MARKS"])
    (folder / f"{name}.{uuid.uuid4().hex}").touch()
    return len(list(folder.glob(f"{name}.*")))


@app.route(route="greet/{name}", methods=["GET", "POST"])
def greet(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.getLogger("sample").info("greeting %s", req.route_params["name"])
    answer = {
        "name": req.route_params["name"],
        "params": dict(req.params),
        "body": req.get_body().decode(),
        "function": context.function_name,
    }
    return func.HttpResponse(json.dumps(answer), mimetype="application/json", headers={"x-sample": "yes"})


@app.route(route="public", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def public(req: func.HttpRequest) -> str:
    return "open to all"


@app.route(route="admin-only", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def admin_only(req: func.HttpRequest) -> str:
    return "master"


@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("the secret reason")


@app.route(route="setting", auth_level=func.AuthLevel.ANONYMOUS)
def setting(req: func.HttpRequest) -> str:
    return os.environ[req.params["name"]]


@app.route(route="worker")
def worker(req: func.HttpRequest) -> str:
    return str(os.getpid())


@app.timer_trigger(schedule="%SAMPLE_SCHEDULE%", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    mark("tick-past-due" if timer.past_due else "tick")
    time.sleep(float(os.environ.get("TICK_SECONDS", "0")))
    mark("tick-end")


@app.blob_trigger(arg_name="blob", path="%SAMPLE_CONTAINER%/in/{name}.txt", connection="ConfigStorage")
def copy_text(blob: func.InputStream) -> None:
    text = blob.read().decode()
    attempt = mark("blob")
    seen = {
        "name": blob.name,
        "uri": blob.uri,
        "length": blob.length,
        "text": text,
        "metadata": getattr(blob, "metadata", None),
    }
    draft = Path(os.environ["MARKS"], f"draft-{attempt}")
    draft.write_text(json.dumps(seen))
    draft.replace(draft.with_name(f"blob-{attempt}.json"))  # a reader finds it whole
    if text == "poison":
        raise ValueError("cannot stomach this")


@app.blob_trigger(
    arg_name="blob",
    path="%SAMPLE_CONTAINER%/notified/{name}.txt",
    connection="ConfigStorage",
    source=func.BlobSource.EVENT_GRID,
)
def take_notified(blob: func.InputStream) -> None:
    text = blob.read().decode()
    mark(f"notified-{text}")
    if text == "poison":
        raise ValueError("cannot stomach this")


@app.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="ConfigStorage")
def given_up(message: func.QueueMessage) -> None:
    draft = Path(os.environ["MARKS"], "draft-given-up")
    draft.write_bytes(message.get_body())
    draft.replace(draft.with_name("given-up.json"))


@app.route(route="start/{orchestrator}/{id?}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    input_ = req.get_json() if req.get_body() else None
    name = req.route_params["orchestrator"]
    instance_id = await client.start_new(name, req.route_params.get("id"), input_)
    answer: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return answer


@app.route(route="client/{method}")
@app.durable_client_input(client_name="client")
async def call_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Calls a method of the SDK's client with the body's arguments; shows what it returned or raised."""
    try:
        result = await getattr(client, req.route_params["method"])(**req.get_json())
    except Exception as error:
        return func.HttpResponse(str(error), status_code=409)
    statuses = result if isinstance(result, list) else [result]
    if all(isinstance(status, DurableOrchestrationStatus) for status in statuses):
        result = [
            {**status.to_json(), "historyEvents": getattr(status, "historyEvents", None)}
            for status in statuses
            if status
        ]
    elif hasattr(result, "instances_deleted"):
        result = result.instances_deleted
    return func.HttpResponse(json.dumps(result), mimetype="application/json")


@app.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> Steps:
    value = context.get_input()
    for _ in range(3):
        value = yield context.call_activity("add_one", value)
    context.set_custom_status({"value": value})
    return value


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext) -> Steps:
    """Input: {"lanes": n, "width": n, …}: lanes are children, each with `width` activities at once; see `work`."""
    plan = context.get_input()
    lanes = [context.call_sub_orchestrator("lane", {**plan, "lane": lane}) for lane in range(plan["lanes"])]
    results = yield context.task_all(lanes)
    return [name for names in results for name in names]


@app.orchestration_trigger(context_name="context")
def lane(context: df.DurableOrchestrationContext) -> Steps:
    return (yield from lane_tasks(context))


def lane_tasks(context: df.DurableOrchestrationContext) -> Steps:
    plan = context.get_input()
    names = [f"{plan['lane']}-{number}" for number in range(plan["width"])]
    tasks = [context.call_activity("work", {**plan, "name": name}) for name in names]
    return (yield context.task_all(tasks))


@app.orchestration_trigger(context_name="context")
def slow_lane(context: df.DurableOrchestrationContext) -> Steps:
    """As `lane`, but each replay takes so long that results arrive meanwhile."""
    time.sleep(0.1)
    return (yield from lane_tasks(context))


@app.orchestration_trigger(context_name="context")
def sequence(context: df.DurableOrchestrationContext) -> Steps:
    for number in range(context.get_input()):
        yield context.call_activity("add_one", number)


@app.orchestration_trigger(context_name="context")
def approval(context: df.DurableOrchestrationContext) -> Steps:
    """Waits for the event `approved`, or for as many seconds as the input says."""
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    approved = context.wait_for_external_event("approved")
    winner = yield context.task_any([approved, deadline])
    if winner is approved:
        deadline.cancel()
        return {"approved": approved.result}
    return "too late"


@app.orchestration_trigger(context_name="context")
def retrying(context: df.DurableOrchestrationContext) -> Steps:
    """Input: which attempt succeeds, and how many there may be."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=10, max_number_of_attempts=context.get_input()[1])
    flaky_task = context.call_activity_with_retry("flaky", options, [context.instance_id, context.get_input()[0]])
    other = context.call_activity("add_one", 1)
    try:
        results = yield context.task_all([flaky_task, other])
    except Exception as error:
        return f"gave up: {error}"
    after = yield context.call_activity("add_one", results[1])
    return [results[0], after]


@app.orchestration_trigger(context_name="context")
def countdown(context: df.DurableOrchestrationContext) -> Steps:
    left = context.get_input()
    yield context.call_activity("add_one", left)
    if left > 0:
        context.continue_as_new(left - 1)
        return None
    return "lift-off"


@app.orchestration_trigger(context_name="context")
def failing(context: df.DurableOrchestrationContext) -> Steps:
    yield context.call_activity("flaky", [context.instance_id, 99])


@app.orchestration_trigger(context_name="context")
def resumable(context: df.DurableOrchestrationContext) -> Steps:
    """Fails at the first attempt of an activity, then at that of its child's; input: whether there is a child."""
    yield context.call_activity("work", {"name": context.instance_id, "seconds": 0})
    results = [(yield context.call_activity("flaky", [context.instance_id, 2]))]
    if context.get_input():
        results.append((yield context.call_sub_orchestrator("resumable", False, f"{context.instance_id}-child")))
    return results


@app.orchestration_trigger(context_name="context")
def dying(context: df.DurableOrchestrationContext) -> Steps:
    yield context.call_activity("die", None)


@app.activity_trigger(input_name="nothing")
def die(nothing: None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@app.orchestration_trigger(context_name="context")
def failing_parent(context: df.DurableOrchestrationContext) -> Steps:
    try:
        yield context.call_sub_orchestrator("failing", None, "the-child")
    except Exception as error:
        return f"caught {error}"


@app.orchestration_trigger(context_name="context")
def parent_id(context: df.DurableOrchestrationContext) -> Steps:
    if context.parent_instance_id is not None:
        return context.parent_instance_id
    return (yield context.call_sub_orchestrator("parent_id"))


@app.orchestration_trigger(context_name="context")
def versions(context: df.DurableOrchestrationContext) -> Steps:
    """Its own version, that of a child, and that of a child with one of its own, after a new beginning."""
    if context.parent_instance_id is not None:
        return [context.version]
    if context.get_input() is None:
        context.continue_as_new("again")
        return None
    child = yield context.call_sub_orchestrator("versions")
    other = yield context.call_sub_orchestrator("versions", version="other")
    return [context.version, *child, *other]


@app.orchestration_trigger(context_name="context")
def unsupported(context: df.DurableOrchestrationContext) -> Steps:
    yield context.call_http("GET", "https://example.invalid")


@app.orchestration_trigger(context_name="context")
def crowd(context: df.DurableOrchestrationContext) -> Steps:
    yield context.task_all([context.call_activity("count_in", None) for _ in range(context.get_input())])


@app.activity_trigger(input_name="nothing")
def count_in(nothing: None) -> None:
    inside.append(None)
    mark(f"most-at-once-{len(inside)}")
    all_inside.wait(60)
    time.sleep(0.05)  # in which one too many would come
    inside.pop()


@app.activity_trigger(input_name="number")
def add_one(number: int) -> int:
    return number + 1


@app.activity_trigger(input_name="job")
def work(job: dict) -> str:
    """Takes `seconds`, and not before there is the mark `until`, if one is named."""
    mark(f"work-{job['name']}")
    while "until" in job and not Path(os.environ["MARKS"], job["until"]).exists():
        time.sleep(0.01)
    time.sleep(job["seconds"])
    return str(job["name"])


@app.activity_trigger(input_name="request")
def flaky(request: list) -> str:
    name, succeeds_at = request
    attempt = mark(f"flaky-{name}")
    if attempt < succeeds_at:
        raise ValueError(f"attempt {attempt} failed")
    return f"attempt {attempt}"
