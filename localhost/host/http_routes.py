"""HTTP triggers and the admin endpoint, with the host's keys."""

import json
import logging
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from localhost.host.errors import IndexingError
from localhost.host.indexing import FunctionApp, IndexedFunction
from localhost.host.keys import Keys
from localhost.host.worker.process import Worker
from localhost.host.worker.values import HttpAnswer

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CONSTRAINTS = {"": "[^/]+", "int": r"-?\d+", "long": r"-?\d+", "guid": "[0-9a-fA-F-]{36}", "alpha": "[A-Za-z]+"}
_HOME = "dashboard"
_PARAMETER = re.compile(r"\{(?P<catch_all>\*?)(?P<name>\w+)(?::(?P<constraint>\w+))?(?P<optional>\??)\}")


def requires_key(keys: Keys, auth_level: str, handler: Handler) -> Handler:
    """The handler behind a key of that level, given as header `x-functions-key` or as `?code=`; 401 without."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        given = (request.headers.get("x-functions-key"), request.query.get("code"))
        if not any(keys.allows(auth_level, key) for key in given):
            return web.Response(status=401)
        return await handler(request)

    return guarded


def function_routes(app: FunctionApp, worker: Worker, keys: Keys, prefix: str) -> list[web.RouteDef]:
    """A route for each HTTP function and method.

    Raises:
        IndexingError: a route uses a constraint that this host does not know.
    """
    routes = []
    for function in app.of_type("httpTrigger"):
        auth_level = _auth_level(function)
        handler = requires_key(keys, auth_level, _handler(function, worker))
        for path in route_paths(function.name, str(function.trigger["route"]).strip("/")):
            full = "/" + "/".join(part for part in (prefix, path) if part)
            routes += [web.route(method, full, handler) for method in function.trigger.get("methods") or ["*"]]
            logger.info("route %s: %s (%s)", function.name, full, auth_level)
    return routes


def _auth_level(function: IndexedFunction) -> str:
    """The trigger's level; `reading` for a function-level route that only answers GET."""
    level = str(function.trigger.get("authLevel", "function")).lower()
    methods = {str(method).upper() for method in function.trigger.get("methods") or ()}
    return "reading" if (level, methods) == ("function", {"GET"}) else level


def home_routes(app: FunctionApp, prefix: str) -> list[web.RouteDef]:
    """`/` leads to the app's page, its anonymous GET route `dashboard`; Azure shows a page of its own there."""
    pages = [f for f in app.of_type("httpTrigger") if str(f.trigger["route"]).strip("/") == _HOME]
    if not any(_auth_level(page) == "anonymous" for page in pages):
        return []
    target = "/" + "/".join(part for part in (prefix, _HOME) if part)

    async def lead(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    return [web.get("/", lead)]


def check_route(function: IndexedFunction) -> None:
    """Raises IndexingError when the function's route has a constraint that this host does not know."""
    route_paths(function.name, str(function.trigger["route"]))


def admin_routes(app: FunctionApp, keys: Keys, fire: Callable[[IndexedFunction], None]) -> list[web.RouteDef]:
    """`GET /admin/functions` lists them all; `POST /admin/functions/{name}` runs a timer function by `fire`.

    A disabled function is listed, too, and firing it is accepted and does nothing.
    """

    async def describe(_request: web.Request) -> web.Response:
        names = [*app.functions, *sorted(app.disabled)]
        return web.json_response([{"name": name, "isDisabled": name in app.disabled} for name in names])

    async def start(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        function = app.functions.get(name)
        if function is None and name not in app.disabled:
            return web.Response(status=404)
        try:
            json.loads(await request.text())
        except ValueError:
            return web.Response(status=400, text="the body must be JSON, such as {}")
        if function is None:
            return web.Response(status=202)
        if function.trigger_type != "timerTrigger":
            text = f"{function.name} has a {function.trigger_type}; the local host fires timers only"
            return web.Response(status=400, text=text)
        fire(function)
        return web.Response(status=202)

    return [
        web.get("/admin/functions", requires_key(keys, "admin", describe)),
        web.post("/admin/functions/{name}", requires_key(keys, "admin", start)),
    ]


@web.middleware
async def host_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log each request without its query (it may hold a key); hide failures; 404 for a wrong method, as in Azure."""
    began = time.perf_counter()
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed:
        response = web.Response(status=404)
    except web.HTTPException as error:
        response = web.Response(status=error.status, text=error.text, content_type="application/json")
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        response = web.Response(status=500)
    milliseconds = round((time.perf_counter() - began) * 1000)
    logger.info("%s %s: %d in %d ms", request.method, request.path, response.status, milliseconds)
    return response


def _handler(function: IndexedFunction, worker: Worker) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        argument = {
            "method": request.method,
            "url": str(request.url),
            "headers": dict(request.headers),
            "params": _params(request),
            "route_params": dict(request.match_info),
            "body": await request.read(),
        }
        answer: HttpAnswer = await worker.invoke(function, argument)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return handle


def _params(request: web.Request) -> dict[str, str]:
    """As the host hands them over: what is given twice joined with a comma, and nothing that is empty."""
    joined = {name: ",".join(request.query.getall(name)) for name in request.query}
    return {name: value for name, value in joined.items() if value}


def route_paths(function: str, route: str) -> list[str]:
    """A function's route as aiohttp spells it; two paths if the last parameter is optional.

    Raises:
        IndexingError: a parameter has a constraint that this host does not know.
    """

    def converted(match: re.Match[str]) -> str:
        constraint = match["constraint"] or ""
        if constraint not in _CONSTRAINTS:
            known = ", ".join(name for name in _CONSTRAINTS if name)
            raise IndexingError(
                f"function {function}: route {route!r} has the constraint {constraint!r}; known here: {known}"
            )
        return f"{{{match['name']}:{'.*' if match['catch_all'] else _CONSTRAINTS[constraint]}}}"

    paths = [_PARAMETER.sub(converted, route)]
    last = list(_PARAMETER.finditer(route))[-1:]
    if last and last[0]["optional"]:
        paths.append(_PARAMETER.sub(converted, route[: last[0].start()].rstrip("/")))
    return paths
