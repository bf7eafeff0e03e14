"""The worker is a process of its own: what its threads, its time and its death mean to the functions in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from localhost.host.process import HostProcess
from localhost.host.worker.main import thread_count
from tests.integration.localhost_host.sample import Sample

APP = """
import os, time, threading
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
inside = []

@app.route(route="pid")
async def pid(req): return str(os.getpid())

@app.route(route="crowd")
def crowd(req):
    inside.append(None)
    time.sleep(0.2)
    seen = len(inside)
    inside.pop()
    return str(seen)

@app.route(route="sleep/{seconds}")
def sleep(req):
    time.sleep(float(req.route_params["seconds"]))
    return "slept"

@app.route(route="die")
def die(req): os.kill(os.getpid(), 9)

@app.route(route="raises")
async def raises(req): raise TimeoutError("the function's own")
"""
COLOUR = """
COLOUR = os.environ["COLOUR"]

@app.route(route="colour")
def colour(req): return f"{COLOUR} {os.environ['COLOUR']} {os.getcwd()}"
"""
TIMER = "@app.timer_trigger(schedule='0 0 0 1 1 *', arg_name='timer')\ndef talks(timer): return 'too much'\n"


def host(folder: Path, settings: str = "{}", source: str = APP, grace: float = 10.0, **environment: str) -> HostProcess:
    (folder / "host.json").write_text(settings)
    (folder / "function_app.py").write_text(source)
    return HostProcess(folder, folder / "state", environment, grace=grace)


def get(host: HostProcess, path: str) -> requests.Response:
    return requests.get(f"{host.url}/api/{path}", timeout=60)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_settings_reach_a_worker_that_has_started_as_a_placeholder_without_them(tmp_path: Path) -> None:
    with host(tmp_path, source=APP + COLOUR, COLOUR="red") as specialised:
        assert get(specialised, "colour").text == f"red red {tmp_path.resolve()}"
        command = ["ps", "eww", "-o", "command=", "-p", get(specialised, "pid").text]
        started_with = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "PYTHONPATH=" in started_with
    assert "COLOUR" not in started_with


def test_an_activity_whose_worker_dies_has_failed_and_a_new_worker_goes_on(own_sample: Sample) -> None:
    with own_sample.host:
        before = own_sample.get("/api/worker", own_sample.host.function_key).text
        neighbour = own_sample.start("lane", {"lane": "next-door", "width": 1, "seconds": 600})["id"]
        own_sample.until(lambda: own_sample.count("work-next-door-0"))
        dying = own_sample.start("dying")["id"]

        def new_worker() -> bool:  # what the dying one was asked fails with it
            answer = own_sample.get("/api/worker", own_sample.host.function_key)
            return answer.status_code == 200 and answer.text != before

        own_sample.until(new_worker)
        died = own_sample.result(dying)
        assert own_sample.result(neighbour)["runtimeStatus"] == "Failed"
        assert own_sample.run("chain", 1)["output"] == 4
    assert died["runtimeStatus"] == "Failed"
    assert "Activity function 'die' failed" in died["output"]
    assert "exited with code 137" in died["output"]


def test_a_worker_that_dies_too_often_ends_its_host(tmp_path: Path) -> None:
    with host(tmp_path) as dying:
        for _ in range(4):
            assert get(dying, "die").status_code == 500
        until(lambda: not dying.is_running)
        assert "Exceeded language worker restart retry count" in dying.log_text()


def test_a_function_over_its_time_ends_the_worker_with_its_neighbours_that_fail_at_their_own_time(
    tmp_path: Path,
) -> None:
    with host(tmp_path, '{"functionTimeout": "00:00:02"}', grace=0.2) as hasty, ThreadPoolExecutor(2) as threads:
        before = get(hasty, "pid").text
        over = threads.submit(get, hasty, "sleep/600")
        time.sleep(1)
        neighbour = threads.submit(get, hasty, "sleep/600")
        assert over.result().status_code == 500
        assert not neighbour.done()
        assert neighbour.result().status_code == 500
        assert get(hasty, "pid").text != before
        assert "Timeout value of 2 s was exceeded by function: sleep" in hasty.log_text()


def test_a_function_that_ends_within_the_grace_has_failed_and_the_worker_lives(tmp_path: Path) -> None:
    with host(tmp_path, '{"functionTimeout": "00:00:01"}') as hasty:
        before = get(hasty, "pid").text
        assert get(hasty, "sleep/1.5").status_code == 500
        assert get(hasty, "pid").text == before


def test_plain_functions_share_one_pool_of_threads_and_coroutines_do_without(tmp_path: Path) -> None:
    with (
        host(tmp_path, PYTHON_THREADPOOL_THREAD_COUNT="2") as small,
        ThreadPoolExecutor(9) as threads,
    ):
        crowd = [threads.submit(get, small, "crowd") for _ in range(8)]
        assert get(small, "pid").status_code == 200
        assert {answer.result().text for answer in crowd} <= {"1", "2"}


@pytest.mark.parametrize("text", ["", "0", "-1", "1001", "many"])
def test_a_thread_count_that_is_none_leaves_the_pool_of_a_cold_start(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert thread_count({"PYTHON_THREADPOOL_THREAD_COUNT": text}) == thread_count({}) == 6


def test_a_timeout_of_the_function_s_own_is_not_the_host_s(tmp_path: Path) -> None:
    with host(tmp_path) as running:
        assert get(running, "raises").status_code == 500
        assert "the function's own" in running.log_text()


def test_what_a_function_without_an_output_returns_is_refused(tmp_path: Path) -> None:
    with host(tmp_path, source=APP + TIMER) as running:
        headers = {"x-functions-key": running.master_key}
        requests.post(f"{running.url}/admin/functions/talks", headers=headers, json={}, timeout=60)
        until(lambda: "function talks without a $return binding returned a non-None value" in running.log_text())
