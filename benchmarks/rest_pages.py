"""`python -m benchmarks.rest_pages`: one million rows of a REST API over 10,000 pages, in seconds, requests and memory.

The API is a server in a process of its own, the load another process: the app's pipeline into a local folder.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

_ROW = '{"id": %d, "customer": "customer %d", "amount": %d.25, "paid": true, "at": "2026-01-%02dT08:00:00Z"}'


def main() -> int:
    """Measure one load for each number of readers, and print a line of JSON for each; 1 if a load failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rest_pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--page-rows", type=int, default=100)
    parser.add_argument("--parallelism", type=int, nargs="+", default=[1, 4])
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(sender, arguments.pages * arguments.page_rows), daemon=True)
    server.start()
    port = receiver.recv()
    failed = False
    for parallelism in arguments.parallelism:
        receiver, sender = context.Pipe(duplex=False)
        load = context.Process(target=_load, args=(sender, port, arguments.page_rows, parallelism))
        load.start()
        sender.close()  # the load has the last one: if it breaks, the wait for it ends
        try:
            figures = receiver.recv()
        except EOFError:
            figures = {"error": "The load broke off; its process wrote why."}
        failed = failed or "error" in figures
        load.join()
        print(json.dumps({"parallelism": parallelism, **figures}), flush=True)
    server.terminate()
    return int(failed)


def _serve(sender: Connection, rows: int) -> None:
    class _Pages(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}
            start = asked.get("offset", 0)
            page = range(start, min(start + asked["limit"], rows))
            body = f'{{"total": {rows}, "items": [{", ".join(_ROW % (n, n % 977, n, n % 28 + 1) for n in page)}]}}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    sender.send(server.server_address[1])
    server.serve_forever()


def _load(sender: Connection, port: int, page_rows: int, parallelism: int) -> None:
    os.environ["API_PRIVATE_HOSTS"] = "127.0.0.1"
    # imported here: the server's process needs none of it
    from benchmarks.local_lake import lake_in
    from shared.loading.attempt import run_attempt
    from shared.models.attempt import AttemptOrder
    from shared.models.job import Job
    from shared.secrets import Secret
    from shared.sources.rest.client import ApiClient

    job = Job(
        job_id="pages",
        source_type="API",
        source_name="api",
        load_type="FULL",
        enabled=True,
        target_container="lake",
        target_folder_path="raw",
        api_endpoint="/rows",
        pagination_type="offset",
        api_page_size=page_rows,
        api_total_path="total",
        parallelism=parallelism,
    )
    order = AttemptOrder(run_id="1", run_started_at=datetime.now(UTC), job_id="pages", config_sha256="0")
    requests, fetch = [0], ApiClient.fetch

    def counted(client: ApiClient, *arguments: Any) -> Any:
        requests[0] += 1
        return fetch(client, *arguments)

    with (
        TemporaryDirectory(prefix="benchmark-") as folder,
        lake_in(Path(folder, "lake")),
        patch.object(ApiClient, "fetch", counted),
    ):
        started = time.monotonic()
        secret = Secret({"base_url": f"http://127.0.0.1:{port}"})
        result = run_attempt(order, job, secret, Path(folder, "work"), lambda _stage, _rows: None)
        seconds = time.monotonic() - started
    figures = {
        "rows": result.rows_written,
        "requests": requests[0],
        "seconds": round(seconds, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sender.send(figures if result.error is None else {"error": result.error.message})


if __name__ == "__main__":
    sys.exit(main())
