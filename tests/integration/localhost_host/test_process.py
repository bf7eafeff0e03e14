"""How the local host starts and ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localhost.host.process import HostProcess, HostStartError
from tests.integration.localhost_host.sample import APP, NO_STORAGE, Sample

APP_SOURCE = "import azure.functions as func\napp = func.FunctionApp()\n"
TIMER = "@app.timer_trigger(schedule='{}', arg_name='timer')\ndef tick(timer): pass\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "found 0 FunctionApp/DFApp objects; expected exactly one"),
        ("import nonesuch", "No module named 'nonesuch'"),
        (APP_SOURCE + TIMER.format("%MISSING%"), "function tick: its binding refers to %MISSING%, but there is no"),
        (APP_SOURCE + TIMER.format("* * *"), "function tick: schedule '* * *' has 3 fields"),
        (APP_SOURCE + TIMER.format("0 0 25 * * *"), "function tick: "),
        (
            APP_SOURCE + "@app.queue_trigger('message', 'queue', 'Storage')\ndef read(message): pass\n",
            "function read: the local host has no binding 'queueTrigger'",
        ),
        (
            APP_SOURCE + "@app.blob_trigger('blob', 'a/b', 'Storage')\ndef read(blob): pass\n",
            "function read: connection 'Storage' has no setting: set Storage to a connection string",
        ),
    ],
)
def test_an_app_that_cannot_run_says_why(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text(source)
    with pytest.raises(HostStartError) as refused:
        HostProcess(tmp_path, tmp_path / "state", {}).start()
    assert message in str(refused.value)


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
