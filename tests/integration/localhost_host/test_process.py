"""How the local host starts and ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from localhost.host.process import HostProcess, HostStartError
from tests.integration.localhost_host.sample import APP, NO_STORAGE, Sample

APP_SOURCE = "import azure.functions as func\napp = func.FunctionApp()\n"
TIMER = "@app.timer_trigger(schedule='{}', arg_name='timer')\ndef tick(timer): pass\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "ValueError: Could not find top level function app instances"),
        ("import nonesuch", "No module named 'nonesuch'"),
        ("import os; os._exit(3)", "it ended with code 3 while it loaded the app"),
        (
            APP_SOURCE + "@app.service_bus_queue_trigger('message', 'Bus', 'queue')\ndef read(message): pass\n",
            "function read: the local host has no binding 'serviceBusTrigger'",
        ),
    ],
)
def test_an_app_that_cannot_run_says_why(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(HostStartError) as refused:
        _host(tmp_path, source).start()
    assert message in str(refused.value)


def _host(folder: Path, source: str) -> HostProcess:
    (folder / "host.json").write_text("{}")
    (folder / "function_app.py").write_text(source)
    return HostProcess(folder, folder / "state", {})


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (TIMER.format("%MISSING%"), "its binding refers to %MISSING%, but there is no setting"),
        (TIMER.format("* * *"), "schedule '* * *' has 3 fields"),
        (TIMER.format("0 0 25 * * *"), ""),
        (
            "@app.blob_trigger('blob', 'a/b', 'Storage')\ndef tick(blob): pass\n",
            "connection 'Storage' has no setting: set Storage to a connection string",
        ),
    ],
)
def test_a_function_whose_binding_cannot_be_used_is_disabled_and_its_neighbours_run(
    tmp_path: Path, binding: str, message: str
) -> None:
    neighbour = "@app.route(route='well', auth_level='anonymous')\ndef well(req): return 'yes'\n"
    with _host(tmp_path, APP_SOURCE + binding + neighbour) as host:
        assert requests.get(f"{host.url}/api/well", timeout=60).text == "yes"
        headers = {"x-functions-key": host.master_key}
        listed = requests.get(f"{host.url}/admin/functions", headers=headers, timeout=60).json()
        fired = requests.post(f"{host.url}/admin/functions/tick", headers=headers, json={}, timeout=60)
    assert listed == [{"name": "well", "isDisabled": False}, {"name": "tick", "isDisabled": True}]
    assert fired.status_code == 202
    assert f"tick: failed indexing and will be disabled. function tick: {message}" in host.log_text()


def test_two_hosts_do_not_share_a_state_folder(sample: Sample, tmp_path: Path) -> None:
    state_folder = sample.marks.parent / "state"
    settings = {"SAMPLE_SCHEDULE": "0 0 * * * *", "SAMPLE_CONTAINER": "unused", "ConfigStorage": NO_STORAGE}
    with pytest.raises(HostStartError, match="another host uses this state folder"):
        HostProcess(APP, state_folder, settings, log_file=tmp_path / "log").start()


def test_local_settings_reach_the_app_unless_the_environment_has_them(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "local.settings.json").write_text('{"Values": {"FROM_FILE": "file", "FROM_BOTH": "file"}}')
    (tmp_path / "function_app.py").write_text(
        'import os, sys\nsys.exit(f\'{os.environ["FROM_FILE"]} {os.environ["FROM_BOTH"]}\')'
    )
    with pytest.raises(HostStartError, match="file environment"):
        HostProcess(tmp_path, tmp_path / "state", {"FROM_BOTH": "environment"}).start()


def test_the_host_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
import pathlib, time
from localhost.host.process import HostProcess
from tests.integration.localhost_host.sample import Sample
host = Sample(pathlib.Path({str(tmp_path)!r})).host
host.start()
print(host.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
