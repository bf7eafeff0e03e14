"""A proxy before the local blob and table storage that breaks the request that a test names."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from localhost.services.certificates import Certificates
from localhost.services.http_server import HttpServer
from localhost.services.service import HOST, claim_ports
from tests.faults.stages import StorageRequest

_OF_ONE_HOP = {"transfer-encoding", "connection", "keep-alive", "content-length", "host", "content-encoding", "expect"}
_PIECE = 64 * 1024


Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Fault:
    """What happens to a request.

    Attributes:
        kind: `answer` with an error, `reset` the connection, `stall`, `truncate` the answer, `throttle` it, `hold`
            it until a function returns, or `call` a function and reset the connection.
        when: before or after the storage has done what was asked.
        status: HTTP status of the answer.
        seconds: of the stall.
        function: what is called.
    """

    kind: Literal["answer", "reset", "stall", "truncate", "throttle", "hold", "call"]
    when: Moment = "before"
    status: int = 503
    seconds: float = 30
    function: Callable[[], None] = lambda: None


Decide = Callable[[StorageRequest], Fault | None]


def holding(reached: threading.Event, go_on: threading.Event) -> Callable[[], None]:
    """What a `hold` waits for: it sets `reached`, and returns when `go_on` is set, after two minutes at the latest."""

    def hold() -> None:
        reached.set()
        go_on.wait(120)

    return hold


class Once:
    """Breaks the first request of a stage, and no other. `met` is set when it has.

    Args:
        stage: What the request does.
        fault: What it meets.
        skip: How many such requests are left alone before.
        about: What the path or the body names, if others do the same at the same time.
    """

    def __init__(self, stage: str, fault: Fault, skip: int = 0, about: str = "") -> None:
        self._stage = stage
        self._about = about.encode()
        self._fault = fault
        self._skip = skip
        self._lock = threading.Lock()
        self.met = threading.Event()

    def __call__(self, request: StorageRequest) -> Fault | None:
        with self._lock:
            if request.stage != self._stage or self.met.is_set():
                return None
            if self._about not in request.path.encode() + request.body:
                return None
            if self._skip:
                self._skip -= 1
                return None
            self.met.set()
        return self._fault


class StorageProxy:
    """Answers in front of blob and table storage with the services' certificate; bearer tokens pass through.

    Args:
        folder: Keeps the ports.
        certificates: Those of the storage.
        blob_url, table_url: The storage behind it, with the account in the path.

    Attributes:
        decide: Asked about every request; gives the fault that it meets, or None.
        ignored: Parameters of a query that the storage takes no notice of, as an older one does.
        requests: The requests so far.
    """

    def __init__(self, folder: Path, certificates: Certificates, blob_url: str, table_url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._certificates = certificates
        self._upstream = {"blob": blob_url, "table": table_url}
        self._servers: list[HttpServer] = []
        self.decide: Decide = lambda _: None
        self.ignored: tuple[str, ...] = ()
        self.requests: list[StorageRequest] = []

    def __enter__(self) -> StorageProxy:
        ports = claim_ports(self._folder, 2)
        for port, upstream in zip(ports, self._upstream.values(), strict=True):
            application = web.Application(client_max_size=2**30)
            relay = _Relay(self, upstream, str(self._certificates.ca_bundle))
            application.cleanup_ctx.append(relay.session_context)
            application.router.add_route("*", "/{path:.*}", relay.handle)
            self._servers.append(HttpServer(application, port, self._certificates.server_context()))
        account = urlsplit(self._upstream["blob"]).path
        self.blob_url, self.table_url = (f"https://{HOST}:{port}{account}" for port in ports)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.stop()

    def settings(self) -> dict[str, str]:
        """The app's settings by which it reaches its storage through this proxy."""
        return {
            "ConfigStorage__blobServiceUri": self.blob_url,
            "LakeStorage__blobServiceUri": self.blob_url,
            "AuditStorage__tableServiceUri": self.table_url,
        }


class _Relay:
    """Passes the requests to one service on."""

    def __init__(self, proxy: StorageProxy, upstream: str, ca_bundle: str) -> None:
        self._proxy = proxy
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(upstream))
        self._ca_bundle = ca_bundle

    async def session_context(self, _: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self._ca_bundle))
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            yield

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = StorageRequest(request.method, request.path, dict(request.query), dict(request.headers), body)
        self._proxy.requests.append(seen)
        fault = self._proxy.decide(seen)
        if fault and fault.when == "before" and (answer := await self._broken(request, fault)):
            return answer
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP}
        address = URL(self._origin + request.raw_path, encoded=True)
        if ignored := [name for name in self._proxy.ignored if name in address.query]:
            address = address.without_query_params(*ignored)
        async with self._session.request(
            request.method, address, data=body, headers=headers, allow_redirects=False, skip_auto_headers=["User-Agent"]
        ) as upstream:
            content = await upstream.read()
            if fault and fault.when == "after" and (answer := await self._broken(request, fault)):
                return answer
            return await _answer(request, upstream, content, fault)

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        """The answer to a request that is not passed on, or not answered as the storage did; None if it goes on."""
        if fault.kind == "answer":
            error = f'<?xml version="1.0"?><Error><Code>{_CODES.get(fault.status, "ServerBusy")}</Code></Error>'
            headers = {"x-ms-error-code": _CODES.get(fault.status, "ServerBusy")}
            return web.Response(status=fault.status, text=error, content_type="application/xml", headers=headers)
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.kind in ("call", "hold"):
            await asyncio.get_running_loop().run_in_executor(None, fault.function)
        if fault.kind in ("call", "reset"):
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError
        return None


_CODES = {
    403: "AuthorizationPermissionMismatch",
    404: "BlobNotFound",
    409: "ServerConflict",
    412: "ConditionNotMet",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServerBusy",
}


async def _answer(
    request: web.Request, upstream: aiohttp.ClientResponse, content: bytes, fault: Fault | None
) -> web.StreamResponse:
    answer = web.StreamResponse(status=upstream.status, reason=upstream.reason)
    for name, value in upstream.headers.items():
        if name.lower() not in _OF_ONE_HOP - {"content-length", "content-encoding"}:
            answer.headers.add(name, value)
    if request.method != "HEAD" and upstream.status not in (204, 304):
        answer.content_length = len(content)
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    if fault and fault.kind == "truncate" and request.transport:
        await answer.write(content[: len(content) // 2])
        request.transport.abort()
        return answer
    for start in range(0, len(content), _PIECE):
        if fault and fault.kind == "throttle":
            await asyncio.sleep(0.2)
        await answer.write(content[start : start + _PIECE])
    await answer.write_eof()
    return answer
