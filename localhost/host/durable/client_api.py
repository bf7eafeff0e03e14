"""The Durable HTTP API: the public webhooks, and the same without keys for the SDK's client inside the app.

The two differ in one thing: the SDK's client encodes its JSON twice, so a body is a JSON string that holds JSON.
"""

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from localhost.host.durable.dispatcher import Dispatcher
from localhost.host.durable.history import Event, EventType, Status, timestamp
from localhost.host.durable.records import Instance
from localhost.host.durable.store import Store
from localhost.host.indexing import FunctionApp

logger = logging.getLogger(__name__)

WEBHOOK_PATH = "/runtime/webhooks/durabletask"
RPC_PATH = "/durabletask"
_PAGE_SIZE = 100
_TOKEN = "x-ms-continuation-token"
_LOOK_TO_WRITE_SECONDS = 0.01

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def durable_client_binding(hub_name: str, url: str, rpc_url: str, key: str) -> str:
    """The JSON text a durable client parameter receives; `url` and `rpc_url` are origins without a slash at the end."""
    base = f"{url}{WEBHOOK_PATH}"
    instance = f"{base}/instances/INSTANCEID"
    query = f"taskHub={hub_name}&connection=Storage&code={key}"
    create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
    return json.dumps(
        {
            "taskHubName": hub_name,
            "connectionName": None,
            "creationUrls": {
                "createNewInstancePostUri": f"{create}?code={key}",
                "createAndWaitOnNewInstancePostUri": f"{create}?timeout={{timeoutInSeconds}}"
                f"&pollingInterval={{intervalInSeconds}}&code={key}",
            },
            "managementUrls": {
                "id": "INSTANCEID",
                "statusQueryGetUri": f"{instance}?{query}",
                "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{query}",
                "terminatePostUri": f"{instance}/terminate?reason={{text}}&{query}",
                "rewindPostUri": f"{instance}/rewind?reason={{text}}&{query}",
                "purgeHistoryDeleteUri": f"{instance}?{query}",
                "restartPostUri": f"{instance}/restart?{query}",
                "suspendPostUri": f"{instance}/suspend?reason={{text}}&{query}",
                "resumePostUri": f"{instance}/resume?reason={{text}}&{query}",
            },
            "baseUrl": base,
            "requiredQueryStringParameters": f"code={key}",
            "rpcBaseUrl": f"{rpc_url}{RPC_PATH}/",
            "httpBaseUrl": None,
        }
    )


class ClientApi:
    """The handlers; `management_urls` makes the links that an answer to a start carries."""

    def __init__(self, store: Store, dispatcher: Dispatcher, app: FunctionApp, binding: str) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._app = app
        self._management_urls: dict[str, str] = json.loads(binding)["managementUrls"]

    def routes(
        self, prefix: str, *, is_rpc: bool, guard: Callable[[Handler], Handler] = lambda handler: handler
    ) -> list[web.RouteDef]:
        """The API's routes below `prefix`, each handler wrapped by `guard`; `is_rpc` for the SDK's client."""

        async def body(request: web.Request) -> str:
            text = await request.text()
            if not text:
                return "null"
            try:
                content = json.loads(text)
            except json.JSONDecodeError as error:
                raise web.HTTPBadRequest(text=json.dumps({"Message": f"Invalid JSON content: {error}"})) from error
            return content if is_rpc and isinstance(content, str) else text

        async def start(request: web.Request) -> web.Response:
            return await self._start(request, await body(request) if request.can_read_body else None)

        async def raise_event(request: web.Request) -> web.Response:
            return self._raise_event(request, await body(request))

        routes = [
            web.post(f"{prefix}/orchestrators/{{name}}", start),
            web.post(f"{prefix}/orchestrators/{{name}}/{{id}}", start),
            web.get(f"{prefix}/instances", self._list),
            web.get(f"{prefix}/instances/", self._list),
            web.delete(f"{prefix}/instances", self._purge_many),
            web.delete(f"{prefix}/instances/", self._purge_many),
            web.get(f"{prefix}/instances/{{id}}", self._status),
            web.delete(f"{prefix}/instances/{{id}}", self._purge),
            web.post(f"{prefix}/instances/{{id}}/raiseEvent/{{event}}", raise_event),
            web.post(f"{prefix}/instances/{{id}}/restart", self._restart),
            web.post(f"{prefix}/instances/{{id}}/rewind", self._rewind),
            web.post(f"{prefix}/instances/{{id}}/{{operation:terminate|suspend|resume}}", self._control),
        ]
        return [web.route(route.method, route.path, guard(route.handler)) for route in routes]

    async def _start(self, request: web.Request, input_: str | None) -> web.Response:
        instance_id = request.match_info.get("id") or uuid.uuid4().hex
        if (existing := self._store.instance(instance_id)) and existing.status.is_active:
            status = existing.status.value
            return _refusal(409, f"An Orchestration instance with the status {status} already exists.")
        # The extension looks and writes apart: of calls at the same moment several are accepted, and one instance runs.
        await asyncio.sleep(_LOOK_TO_WRITE_SECONDS)
        return self._create(request.match_info["name"], instance_id, input_, request.query.get("version"))

    def _create(self, name: str, instance_id: str, input_: str | None, version: str | None = None) -> web.Response:
        if self._app.find(name, "orchestrationTrigger") is None:
            known = ", ".join(function.name for function in self._app.of_type("orchestrationTrigger")) or "none"
            return _refusal(400, f"The function '{name}' is not an orchestrator function of this app; it has {known}.")
        if instance_id.startswith("@") or any(character in instance_id for character in "/\\#?"):
            return _refusal(400, f"The instance id '{instance_id}' starts with @ or holds one of / \\ # ?")
        self._store.create(instance_id, name, input_, version)
        self._dispatcher.wake(instance_id)
        links = {key: url.replace("INSTANCEID", instance_id) for key, url in self._management_urls.items()}
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(links, status=202, headers=headers)

    async def _status(self, request: web.Request) -> web.Response:
        instance = self._instance(request)
        status = 202 if instance.status.is_active else 200
        if instance.status == Status.FAILED and _flag(request, "returnInternalServerErrorOnFailure"):
            status = 500
        answer = _description(instance, show_input=_flag(request, "showInput", default=True))
        if _flag(request, "showHistory"):
            show_output = _flag(request, "showHistoryOutput")
            events = [json.loads(text) for text in self._store.history(instance.instance_id)]
            answer["historyEvents"] = [_public_event(event, show_output) for event in events]
        return web.json_response(answer, status=status)

    async def _list(self, request: web.Request) -> web.Response:
        show_input = _flag(request, "showInput", default=True)
        after = request.headers.get(_TOKEN, "")
        found = [instance for instance in self._selected(request) if instance.instance_id > _decoded_token(after)]
        size = int(request.query.get("top", _PAGE_SIZE))
        page = found[:size]
        headers = {_TOKEN: _token(page[-1].instance_id)} if len(found) > size else {}
        return web.json_response([_description(instance, show_input) for instance in page], headers=headers)

    async def _purge(self, request: web.Request) -> web.Response:
        instance = self._store.instance(request.match_info["id"])
        if instance is not None and instance.status.is_active:
            return _refusal(412, f"The instance is {instance.status.value}: only one that has ended can be purged.")
        deleted = self._store.purge(request.match_info["id"])
        return web.json_response({"instancesDeleted": int(deleted)}, status=200 if deleted else 404)

    async def _purge_many(self, request: web.Request) -> web.Response:
        deleted = sum(self._store.purge(instance.instance_id) for instance in self._selected(request))
        return web.json_response({"instancesDeleted": deleted}, status=200 if deleted else 404)

    def _raise_event(self, request: web.Request, input_: str) -> web.Response:
        instance = self._instance(request)
        if not instance.status.is_active:
            return web.Response(status=410)
        self._store.raise_event(instance.instance_id, request.match_info["event"], input_)
        self._dispatcher.wake(instance.instance_id)
        return web.Response(status=202)

    async def _control(self, request: web.Request) -> web.Response:
        instance = self._instance(request)
        if not instance.status.is_active:
            return web.Response(status=410)
        reason = request.query.get("reason", "")
        operation = request.match_info["operation"]
        logger.info("%s orchestration %s (%s): %s", operation, instance.name, instance.instance_id, reason)
        if operation == "terminate":
            self._dispatcher.take(self._store.terminate(instance.instance_id, reason))
        elif operation == "suspend":
            self._store.suspend(instance.instance_id)
        else:
            self._store.resume(instance.instance_id)
            self._dispatcher.wake(instance.instance_id)
        return web.Response(status=202)

    async def _restart(self, request: web.Request) -> web.Response:
        instance = self._instance(request)
        is_new = _flag(request, "restartWithNewInstanceId", default=True)
        return self._create(instance.name, uuid.uuid4().hex if is_new else instance.instance_id, instance.input)

    async def _rewind(self, request: web.Request) -> web.Response:
        instance = self._instance(request)
        if instance.status != Status.FAILED:
            return _refusal(412, f"The instance is {instance.status.value}: only a failed one can be rewound.")
        reason = request.query.get("reason", "")
        logger.info("rewind orchestration %s (%s): %s", instance.name, instance.instance_id, reason)
        self._dispatcher.take(self._store.rewind(instance.instance_id))
        return web.Response(status=202)

    def _instance(self, request: web.Request) -> Instance:
        instance = self._store.instance(request.match_info["id"])
        if instance is None:
            raise web.HTTPNotFound(text="null", content_type="application/json")
        return instance

    def _selected(self, request: web.Request) -> list[Instance]:
        names = {name for name in request.query.get("runtimeStatus", "").split(",") if name}
        return self._store.instances(
            prefix=request.query.get("instanceIdPrefix", ""),
            created_from=_moment(request, "createdTimeFrom", ""),
            created_to=_moment(request, "createdTimeTo", "9"),
            statuses=[status for status in Status if not names or status.value in names],
        )


def _token(instance_id: str) -> str:
    return base64.urlsafe_b64encode(instance_id.encode()).decode()


def _decoded_token(token: str) -> str:
    return base64.urlsafe_b64decode(token).decode()


def _description(instance: Instance, show_input: bool) -> dict[str, Any]:
    return {
        "name": instance.name,
        "instanceId": instance.instance_id,
        "runtimeStatus": instance.status.value,
        "input": _decoded(instance.input) if show_input else None,
        "customStatus": _decoded(instance.custom_status),
        "output": _decoded(instance.output),
        "createdTime": instance.created_at,
        "lastUpdatedTime": instance.updated_at,
    }


def _public_event(event: Event, show_output: bool) -> Event:
    hidden = {"EventType", "IsPlayed"} if show_output else {"EventType", "IsPlayed", "Result", "Input"}
    shown = {key: value for key, value in event.items() if key not in hidden}
    return {"EventType": EventType(event["EventType"]).public_name, **shown}


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    return request.query.get(name, str(default)).lower() == "true"


def _moment(request: web.Request, name: str, default: str) -> str:
    text = request.query.get(name)
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        message = f"{name} is {text!r}; expected a time such as 2026-01-31T12:00:00Z"
        raise web.HTTPBadRequest(text=json.dumps({"Message": message})) from error
    return timestamp(moment.astimezone(UTC) if moment.tzinfo else moment)


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=status)
