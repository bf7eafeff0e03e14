"""Declares HTTP routes, once each, for the host and for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared.api.endpoint import Endpoint, Handler
from shared.api.openapi import document
from shared.api.serving import serve
from shared.telemetry.invocation import invocation


class Routes:
    """Registers handlers with an app, and keeps what the document says of them."""

    def __init__(self, app: df.DFApp) -> None:
        self._app = app
        self.endpoints: list[Endpoint] = []

    def get(
        self, path: str, problems: Mapping[int, str] | None = None, is_open: bool = False
    ) -> Callable[[Handler], Handler]:
        """A decorator: the function answers GET requests of the path; for the arguments see `Endpoint`."""
        return self._route("GET", path, problems, is_open)

    def post(self, path: str, problems: Mapping[int, str] | None = None) -> Callable[[Handler], Handler]:
        """A decorator: the function answers POST requests of the path; for the arguments see `Endpoint`."""
        return self._route("POST", path, problems, is_open=False)

    def put(self, path: str, problems: Mapping[int, str] | None = None) -> Callable[[Handler], Handler]:
        """A decorator: the function answers PUT requests of the path; for the arguments see `Endpoint`."""
        return self._route("PUT", path, problems, is_open=False)

    @cache  # noqa: B019  there is one of these, as long as the process lives
    def document(self) -> dict[str, Any]:
        """The OpenAPI document of the routes."""
        return document(self.endpoints)

    def _route(
        self, method: str, path: str, problems: Mapping[int, str] | None, is_open: bool
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            endpoint = Endpoint(method, path, handler, problems or {}, is_open)
            self.endpoints.append(endpoint)
            level = func.AuthLevel.ANONYMOUS if is_open else func.AuthLevel.FUNCTION
            function = _entry(endpoint)
            if "client" in endpoint.takes:
                function = self._app.durable_client_input(client_name="client")(function)
            self._app.route(route=path, methods=[method], auth_level=level)(function)
            return handler

        return register


def _entry(endpoint: Endpoint) -> Any:
    """The function that the host calls: its parameters are its bindings."""

    async def entry(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        with invocation(context):
            return await serve(endpoint, req, {})

    async def entry_with_client(
        req: func.HttpRequest, client: df.DurableOrchestrationClient, context: func.Context
    ) -> func.HttpResponse:
        with invocation(context):
            return await serve(endpoint, req, {"client": client})

    function = entry_with_client if "client" in endpoint.takes else entry
    function.__name__ = endpoint.name
    function.__doc__ = endpoint.handler.__doc__
    return function
