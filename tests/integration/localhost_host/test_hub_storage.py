"""The hub's account is away: the host lives through a short outage, and ends itself in a long one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localhost.host.hub_storage import AWAY_SECONDS
from tests.integration.localhost_host.sample import Sample


class _Refusing(BaseHTTPRequestHandler):
    """An account that answers, though it refuses the key."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def account(port: int = 0) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", port), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def hub(folder: Path, port: int) -> Sample:
    place = f"AccountName=hub;AccountKey=aHVi;BlobEndpoint=http://127.0.0.1:{port}/hub"
    return Sample(folder, AzureWebJobsStorage=place)


def test_a_host_whose_hub_is_away_for_long_ends_itself_and_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    with account() as port:
        sample = hub(tmp_path, port)
        sample.host.start()
        sample.start("approval", 600, "waiting")
        sample.until(lambda: sample.status("waiting")["runtimeStatus"] == "Running")
    began = time.monotonic()
    sample.until(lambda: not sample.host.is_running, seconds=120)
    assert time.monotonic() - began > AWAY_SECONDS - 5
    assert "AzureWebJobsStorage has been away" in sample.host.log_text()
    sample.host.kill()
    with account(port), sample.host:
        sample.client("raise_event", instance_id="waiting", event_name="approved", event_data="yes")
        assert sample.result("waiting")["output"] == {"approved": "yes"}


def test_a_short_outage_ends_no_host(tmp_path: Path) -> None:
    with account() as port:
        sample = hub(tmp_path, port)
        sample.host.start()
    time.sleep(8)
    with account(port):
        time.sleep(AWAY_SECONDS - 4)
        assert sample.host.is_running
        assert sample.run("chain", 1)["output"] == 4
    sample.host.stop()
