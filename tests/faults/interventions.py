"""What breaks a run from outside: the death of a worker, a refusing audit, an operator who uses Durable's own API."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import requests

from tests.faults.rig import BrokenApp
from tests.faults.stages import StorageRequest
from tests.faults.storage_proxy import Fault

DURABLE = "/runtime/webhooks/durabletask/instances"


def refusing_audit(until: Callable[[], bool]) -> Callable[[StorageRequest], Fault | None]:
    """Refuses every request to table storage until a function says so."""

    def decide(request: StorageRequest) -> Fault | None:
        is_of_a_table = "PartitionKey" in f"{request.path}{dict(request.query)}" or b"PartitionKey" in request.body
        return Fault("answer", status=503) if is_of_a_table and not until() else None

    return decide


def for_seconds(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def kill_worker(app: BrokenApp) -> None:
    """As a crash or the end of its memory does: the host starts another one."""
    for process in psutil.Process(app.host.pid).children(recursive=True):
        if any("localhost.host.worker" in part for part in process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)
            return
    raise AssertionError("there is no worker")


def manage(app: BrokenApp, instance_id: str, operation: str) -> Any:
    """What an operator does with Durable Functions' own HTTP API."""
    address = f"{app.host.url}{DURABLE}/{instance_id}/{operation}?reason=test&code={app.host.master_key}"
    answer = requests.post(address, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json() if answer.content else None


def listed(app: BrokenApp, run_id: str) -> dict[str, Any]:
    runs = app.request("GET", "/api/runs").json()["runs"]
    return next((run for run in runs if run["run_id"] == run_id), {})
