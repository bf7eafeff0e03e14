"""Work in a child process: what comes back, whatever becomes of the child."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared.errors import CancelledError
from shared.secrets import MASK, Secret
from shared.worker import ChildError, Limits, run_in_child

SECRET = Secret({"password": "canary-7f3"})


def run(entry: str, seconds: float = 60, megabytes: int | None = None, **options: Any) -> Any:
    """Run one of the entries in a child."""
    arguments = options.pop("arguments", {})
    limits = Limits(seconds, megabytes)
    return run_in_child(f"tests.integration.app.entries:{entry}", arguments, SECRET, limits, name="orders", **options)


def test_a_child_gets_its_arguments_and_the_secret_where_nobody_sees_it() -> None:
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


@pytest.mark.parametrize(
    ("entry", "limits", "kind", "retryable", "message"),
    [
        ("refuse", {}, "source", False, f"The source refused {MASK}."),
        ("stumble", {}, "unexpected", True, f"ZeroDivisionError: {MASK}"),
        ("crash", {}, "crash", True, "ended by SIGKILL. Most often that is the machine running out of memory."),
        ("leave", {}, "crash", True, "ended with exit code 3 and no result."),
        ("hang", {"seconds": 0.5}, "deadline", True, "took longer than 0.5 seconds and was ended."),
        ("take_memory", {"megabytes": 2000, "arguments": {"megabytes": 4000}}, "unexpected", True, "MemoryError"),
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


def test_a_child_is_ended_when_its_work_is_no_longer_wanted() -> None:
    def cancelled() -> None:
        raise CancelledError("The run was cancelled.")

    with pytest.raises(CancelledError, match="The run was cancelled"):
        run("hang", raise_if_interrupted=cancelled)


def test_a_child_that_failed_leaves_the_next_one_alone() -> None:
    with pytest.raises(ChildError):
        run("crash")
    assert run("describe")["arguments"] == {}
