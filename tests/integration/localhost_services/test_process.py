"""What becomes of the services' processes when things go wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localhost.services import LocalServices, Postgres, ServiceError, guard
from localhost.services.process import GuardedProcess
from tests.conftest import service_folder

OWNER = """
import signal, sys, time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from localhost.services import LocalServices
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs the tests in the background ignores Ctrl-C
with LocalServices(Path(sys.argv[1])) as services:
    services.postgres.create_database("made_by_the_owner")
    print(services.azurite.blob_port, services.postgres.port, services.key_vault.port, flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_no_service_outlives_its_owner(end: signal.Signals) -> None:
    with service_folder() as folder, _owner(folder) as (owner, ports):
        assert all(_answers(port) for port in ports)
        owner.send_signal(end)
        owner.wait(60)
        deadline = time.monotonic() + 60
        while any(_answers(port) for port in ports):
            assert time.monotonic() < deadline, "a service still answers"
            time.sleep(0.05)


def test_after_a_kill_services_start_again_at_once_with_their_data_and_ports() -> None:
    with service_folder() as folder, _owner(folder) as (owner, ports):
        owner.kill()
        owner.wait()  # its guards still end what it owned
        with LocalServices(folder) as services:
            assert [services.azurite.blob_port, services.postgres.port, services.key_vault.port] == ports
            with services.postgres.connect("made_by_the_owner") as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_folder_in_use_is_refused(services: LocalServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE_SECONDS", 0.1)
    for second in (LocalServices(services.folder), Postgres(services.postgres.folder)):
        with pytest.raises(ServiceError, match="in use by another process"), second:
            pass


def test_a_command_that_fails_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('the port is taken'); raise SystemExit(3)"]
    process = GuardedProcess(command, tmp_path / "log")
    with pytest.raises(ServiceError, match=r"exit code 3(.|\n)*the port is taken"):
        process.wait_for("ready")
    process.stop()


def test_a_command_that_never_gets_ready_is_reported_and_can_be_stopped(tmp_path: Path) -> None:
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    process = GuardedProcess([sys.executable, "-c", script], tmp_path / "log")
    child = int(process.wait_for(r"^(\d+)$").group(1))
    with pytest.raises(ServiceError, match="not ready"):
        process.wait_for("ready", timeout=0.1)
    process.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@contextmanager
def _owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Another process that owns the services in `folder`, and three of their ports."""
    with subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout
            yield owner, [int(port) for port in owner.stdout.readline().split()]
        finally:
            owner.kill()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
