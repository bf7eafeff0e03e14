"""A TCP proxy before the local PostgreSQL: counts what flows, cuts, stalls or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from localhost.services.service import HOST

_PIECE = 16 * 1024


class TcpProxy:
    """Relays connections to a server.

    Attributes:
        port: Where it listens, on this machine.
        refuse: Whether new connections are closed at once.
        stalled: While set, nothing flows from the server.
        on_bytes: Called once a connection has received that many bytes from the server, then forgotten; the
            connection ends when the call raises ConnectionError.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self.port = 0
        self.refuse = False
        self.stalled = threading.Event()
        self.on_bytes: tuple[int, Callable[[], None]] | None = None

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        listening = socket.create_server((HOST, 0))
        self.port = listening.getsockname()[1]
        serving = asyncio.start_server(self._serve, sock=listening)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        if self.refuse:
            client_out.transport.abort()
            return
        server_in, server_out = await asyncio.open_connection(*self._upstream)
        upward = asyncio.create_task(_copy(client_in, server_out))
        try:
            await self._down(server_in, client_out)
        finally:
            upward.cancel()
            client_out.transport.abort()
            server_out.transport.abort()

    async def _down(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        received = 0
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(_PIECE):
                received += len(piece)
                if self.on_bytes and received >= self.on_bytes[0]:
                    action, self.on_bytes = self.on_bytes[1], None
                    await asyncio.get_running_loop().run_in_executor(None, action)
                while self.stalled.is_set():
                    await asyncio.sleep(0.05)
                target.write(piece)
                await target.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        target.write_eof()
