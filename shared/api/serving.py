"""What every call has in common: who calls, what was sent, the audit row, and problems instead of broken answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import BaseModel

from shared.api.caller import Caller, caller_of
from shared.api.endpoint import Endpoint
from shared.api.gate import TooManyCallsError, turn_of
from shared.api.http import ProblemError, answer_response, problem_response, query_of, read_body, read_query
from shared.audit.calls import close_call, open_call
from shared.errors.hierarchy import IngestionError, SettingsError
from shared.settings import settings
from shared.telemetry.invocation import in_thread

log = logging.getLogger(__name__)


class _NoQuery(BaseModel, extra="forbid"):
    """A route that takes nothing after the `?`."""


async def serve(endpoint: Endpoint, req: func.HttpRequest, clients: Mapping[str, Any]) -> func.HttpResponse:
    """Carry out a call; every error is answered as a problem.

    Args:
        endpoint: The route.
        req: The request; the host has checked its key.
        clients: What the host gives the function besides, by parameter.
    """
    try:
        # An open route answers even if settings are wrong: it is where they are reported.
        signs_in = not endpoint.is_open and settings().website_auth_enabled
        caller = caller_of(req.headers, req.params, signs_in)
        if endpoint.is_open:
            return await _carried_out(endpoint, req, caller, clients)
        async with turn_of(caller.name):
            if endpoint.changes:
                return await _recorded(endpoint, req, caller, clients)
            return await _carried_out(endpoint, req, caller, clients)
    except TooManyCallsError as error:
        return problem_response(HTTPStatus.TOO_MANY_REQUESTS, str(error))
    except Exception as error:
        return _broken(endpoint, error)


async def _recorded(
    endpoint: Endpoint, req: func.HttpRequest, caller: Caller, clients: Mapping[str, Any]
) -> func.HttpResponse:
    """Say in the audit table that the call has come in, and how it was answered."""
    subjects = {name: value[:200] for name, value in req.route_params.items()}
    key = await in_thread(open_call, f"{endpoint.method} /api/{endpoint.path}", caller.name, subjects)
    try:
        response = await _carried_out(endpoint, req, caller, clients)
    except Exception as error:
        response = _broken(endpoint, error)
    started = response.headers.get("Location", "").rpartition("/")[2] or None
    try:
        await in_thread(close_call, key, response.status_code, started)
    except Exception:  # it is done, and the row says who asked for it
        log.exception("The answer to %s %s is not in the audit table", endpoint.method, endpoint.path)
    return response


async def _carried_out(
    endpoint: Endpoint, req: func.HttpRequest, caller: Caller, clients: Mapping[str, Any]
) -> func.HttpResponse:
    if not endpoint.is_open and settings().website_auth_enabled and (lacking := caller.lacks(endpoint.changes)):
        refused = HTTPStatus.UNAUTHORIZED if caller.roles is None else HTTPStatus.FORBIDDEN
        return problem_response(refused, lacking)
    for name, pattern in endpoint.path_patterns.items():
        if not re.fullmatch(pattern, req.route_params[name]):
            return problem_response(HTTPStatus.NOT_FOUND, f"{name}: there is none like '{req.route_params[name]}'.")
    takes = endpoint.takes
    given: dict[str, Any] = {"caller": caller, "content": req.get_body(), **clients, **req.route_params}
    try:
        if not endpoint.is_open:  # a probe adds what it likes, and so does who sends a link
            given["query"] = read_query(query_of(req), takes.get("query", _NoQuery))
    except ValueError as error:
        return problem_response(HTTPStatus.BAD_REQUEST, "The query is wrong.", error.args)
    try:
        given["body"] = read_body(req.get_body(), takes["body"]) if "body" in takes else None
    except ValueError as error:
        return problem_response(HTTPStatus.BAD_REQUEST, "The request body is wrong.", error.args)
    try:
        return answer_response(endpoint, await endpoint.handler(**{name: given[name] for name in takes}))
    except ProblemError as problem:
        return problem.response()


def _broken(endpoint: Endpoint, error: Exception) -> func.HttpResponse:
    """What went wrong, in a sentence if there is one; the log has the rest."""
    log.error("%s %s failed", endpoint.method, endpoint.path, exc_info=error)
    if isinstance(error, IngestionError):
        unavailable = error.retryable or isinstance(error, SettingsError)
        status = HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.INTERNAL_SERVER_ERROR
        return problem_response(status, str(error))
    if isinstance(error, AzureError):
        return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, "A storage account cannot be used; see the app's log.")
    return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, "The app has made a mistake; see its log.")
