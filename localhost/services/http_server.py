"""An aiohttp application in a daemon thread, for the services that live in this process."""

from __future__ import annotations

import asyncio
import ssl
import threading
from concurrent.futures import Future

from aiohttp import web

from localhost.services.service import HOST


class HttpServer:
    """Serves `application` on 127.0.0.1 until `stop`, with TLS when a context is given; a taken port raises OSError."""

    def __init__(self, application: web.Application, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name=f"http-server-{port}")
        self._thread.start()
        try:
            self._call(self._listen(port, tls)).result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close the port and all connections."""
        self._call(self._runner.cleanup()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, port: int, tls: ssl.SSLContext | None) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port, ssl_context=tls).start()

    def _call(self, coroutine: object) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)  # type: ignore[arg-type]
