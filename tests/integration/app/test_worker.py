"""Work in a child process: what comes back, whatever becomes of the child."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.errors.hierarchy import CancelledError
from shared.isolation.memory import Neighbours
from shared.isolation.parent import ChildError, Limits, run_in_child
from shared.secrets import MASK, Secret
from shared.settings import settings
from tests.repeatedly import repeatedly

SECRET = Secret({"password": "canary-7f3"})


def run(entry: str, seconds: float = 60, megabytes: int | None = None, **options: Any) -> Any:
    """Run one of the entries in a child."""
    arguments = options.pop("arguments", {})
    limits = Limits(seconds, megabytes)
    return run_in_child(f"tests.integration.app.entries:{entry}", arguments, SECRET, limits, name="orders", **options)


def test_a_child_gets_its_arguments_and_the_secret_where_no_one_sees_it() -> None:
    described = run("describe", arguments={"a": 1, "b": ["x"]})
    assert described == {"arguments": {"a": 1, "b": ["x"]}, "password": "canary-7f3", "visible": False}


def test_progress_arrives() -> None:
    reported: list[tuple[str, int]] = []
    run("report_rows", progress=lambda stage, rows: reported.append((stage, rows)))
    assert reported == [("extract", 5)]


def test_the_childs_log_arrives_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run("log_password")
    assert caplog.messages == [f"orders: WARNING:driver:cannot sign in with {MASK}"]


def test_the_log_of_dlt_arrives_without_secrets_and_what_they_were_exchanged_for(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        run("log_as_dlt_does")
    assert [record.name for record in caplog.records] == ["dlt"]
    assert f"signed in with {MASK}?[2J and {MASK}" in caplog.text
    assert "t0ken" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("entry", "limits", "kind", "retryable", "message"),
    [
        ("refuse", {}, "source", False, f"The source refused {MASK}."),
        ("stumble", {}, "unexpected", True, f"ZeroDivisionError: {MASK}"),
        ("crash", {}, "crash", True, "ended by SIGKILL. Most often that is the machine running out of memory."),
        ("leave", {}, "crash", True, "ended with exit code 3 and no result."),
        ("hang", {"seconds": 0.5}, "deadline", True, "took longer than 0.5 seconds and was ended."),
        ("take_memory", {"megabytes": 256, "arguments": {"megabytes": 400}}, "memory", True, "JOB_MEMORY_MEGABYTES"),
    ],
)
def test_a_child_that_fails_says_why(
    entry: str, limits: dict[str, Any], kind: str, retryable: bool, message: str
) -> None:
    with pytest.raises(ChildError) as failed:
        run(entry, **limits)
    assert (failed.value.kind, failed.value.retryable) == (kind, retryable)
    assert message in str(failed.value)
    assert "canary" not in str(failed.value)


def test_only_memory_that_is_used_counts_towards_the_limit() -> None:
    assert run("reserve_memory", megabytes=256, arguments={"megabytes": 4000}) == 4000 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux chooses by a score")
def test_the_system_kills_an_attempt_before_the_host_and_the_worker() -> None:
    assert run("victim_score") == 900
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 900


def test_an_attempt_that_the_system_killed_for_want_of_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    kills = iter(range(100))
    monkeypatch.setattr("shared.isolation.parent.out_of_memory_kills", lambda: next(kills))
    monkeypatch.setattr("shared.isolation.parent._neighbours", Neighbours())
    with pytest.raises(ChildError, match="The instance ran out of memory") as failed:
        run("crash")
    assert (failed.value.kind, failed.value.retryable) == ("memory", True)


def resume_children() -> None:
    """Let halted processes of this one continue."""
    for process in psutil.Process().children():
        process.resume()


def test_a_crash_that_is_reported_late_is_no_missed_deadline() -> None:
    with repeatedly(resume_children, 1), pytest.raises(ChildError, match="ended by SIGKILL") as failed:
        run("crash_beside_a_halted_server")
    assert failed.value.kind == "crash"


def test_a_child_is_ended_when_its_work_is_no_longer_wanted() -> None:
    def cancelled() -> None:
        raise CancelledError("The run was cancelled.")

    with pytest.raises(CancelledError, match="The run was cancelled"):
        run("hang", raise_if_interrupted=cancelled)


def test_a_child_that_failed_leaves_the_next_one_alone() -> None:
    with pytest.raises(ChildError):
        run("crash")
    assert run("describe")["arguments"] == {}


@pytest.fixture
def idle_seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Sets how long children wait for more work."""

    def set_to(seconds: float) -> None:
        monkeypatch.setenv("PROCESS_IDLE_SECONDS", str(seconds))
        settings.cache_clear()

    yield set_to
    monkeypatch.undo()
    settings.cache_clear()


def warm(**arguments: Any) -> int:
    """Run something that goes well; gives the process that it ran in."""
    process: int = run("process_id", arguments=arguments, reusable=lambda _: True)
    return process


def test_a_child_that_did_well_gets_the_next_work_and_no_others_secret_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = warm()
    assert warm() == first
    with caplog.at_level(logging.WARNING):
        run_in_child(
            "tests.integration.app.entries:log_password",
            {},
            Secret({"password": "another-9c1"}),
            Limits(60),
            name="other",
            reusable=lambda _: True,
        )
    assert caplog.messages == [f"other: WARNING:driver:cannot sign in with {MASK}"]
    assert warm() == first


def test_a_child_is_not_used_again_where_its_result_says_so() -> None:
    assert run("process_id", reusable=lambda _: False) != warm()


def test_a_child_that_has_had_much_memory_is_not_used_again() -> None:
    assert warm(megabytes=300) != warm()


def test_a_child_that_died_while_it_waited_is_replaced() -> None:
    process = warm()
    os.kill(process, signal.SIGKILL)
    assert warm() != process


def test_a_child_that_has_waited_for_too_long_ends(idle_seconds: Callable[[float], None]) -> None:
    idle_seconds(0.1)
    process = warm()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(process):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert warm() != process


def test_every_attempt_gets_a_process_of_its_own_where_none_may_wait(idle_seconds: Callable[[float], None]) -> None:
    idle_seconds(0)
    assert warm() != warm()
