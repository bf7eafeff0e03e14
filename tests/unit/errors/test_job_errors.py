"""An exception becomes the same error wherever it is met: one classifier for planning, loading and maintenance."""

from __future__ import annotations

import ast
import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from activities.plan_run import plan_run
from shared.errors.hierarchy import ConfigurationError, LeaseLostError, SourceError, TransientError
from shared.errors.job_errors import MESSAGE_LIMIT, as_job_error
from shared.models.run import RunPlan
from tests.unit.orchestrators.shapes import REQUEST

ROOT = Path(__file__).parents[3]


def busy() -> HttpResponseError:
    error = HttpResponseError(message="The server is busy.\nRequestId:abc\nTime:2026")
    error.response = SimpleNamespace(request=SimpleNamespace(url="https://config.blob.core.windows.net/config/x"))
    error.status_code = 503
    return error


RAISED: list[tuple[BaseException, str, bool]] = [
    (busy(), "transient", True),
    (ServiceRequestError("Failed to resolve 'config.blob.core.windows.net'"), "transient", True),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "transient", True),
    (OSError(errno.ENOSPC, "No space left on device"), "disk_full", True),
    (MemoryError(), "memory", True),
    (ConfigurationError("Setting X is missing."), "configuration", False),
    (SourceError("The table is missing."), "source", False),
    (LeaseLostError("Lost."), "lease_lost", True),
    (ZeroDivisionError("division by zero"), "unexpected", True),
]


@pytest.mark.parametrize(("raised", "kind", "retryable"), RAISED, ids=lambda value: repr(value)[:40])
def test_an_exception_has_one_meaning_while_a_run_is_planned_and_anywhere_else(
    raised: BaseException, kind: str, retryable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise raised

    monkeypatch.setattr("activities.plan_run.record_run", lambda *_: True)
    monkeypatch.setattr("activities.plan_run.configuration_store", lambda: SimpleNamespace(refresh=refuse))
    planned = RunPlan.model_validate(plan_run(REQUEST.to_json())).error
    assert planned == as_job_error(raised)
    assert (planned.kind, planned.retryable) == (kind, retryable)
    assert "RequestId" not in planned.message


def chained(inner: BaseException, outer: BaseException, link: str) -> BaseException:
    """An error as `raise outer`, `raise outer from inner` or `raise outer from None` leaves it beside `inner`."""
    outer.__context__ = inner
    if link == "from":
        outer.__cause__ = inner
    outer.__suppress_context__ = link != "during"
    return outer


@pytest.mark.parametrize(
    ("link", "kind"), [("from", "transient"), ("during", "transient"), ("from None", "unexpected")]
)
def test_the_outermost_cause_that_can_be_explained_is_the_error(link: str, kind: str) -> None:
    assert as_job_error(chained(busy(), RuntimeError("The step broke."), link)).kind == kind


def test_what_a_source_knows_of_its_error_comes_first() -> None:
    explained = TransientError("The server fails over; it is back soon.")
    explainers: list[Callable[[BaseException], BaseException]] = [
        lambda error: error,
        lambda error: explained if isinstance(error, KeyError) else error,
    ]
    assert as_job_error(chained(KeyError("57P01"), RuntimeError("step"), "from"), explainers).message == str(explained)


@given(st.text(min_size=1, max_size=10), st.integers(0, 3 * MESSAGE_LIMIT), st.sampled_from([SourceError, ValueError]))
def test_a_message_is_redacted_and_never_longer_than_the_limit(secret: str, filler: int, kind: type[Exception]) -> None:
    error = as_job_error(kind("x" * filler + secret), redact=lambda text: text.replace(secret, ""))
    assert len(error.message) <= MESSAGE_LIMIT
    assert secret not in error.message


def test_no_other_module_turns_an_exception_into_an_error() -> None:
    """A `JobError` whose message is made of `str(error)` or an exception's type is the classifier's affair."""
    allowed = {ROOT / "shared/errors/job_errors.py"}
    for folder in ("shared", "activities"):
        for path in set((ROOT / folder).rglob("*.py")) - allowed:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "JobError":
                    assert "str(" not in ast.unparse(node), path
                    assert "__name__" not in ast.unparse(node), path


def test_causes_that_lead_back_to_themselves_have_an_end() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__context__, second.__context__ = second, first
    assert as_job_error(first).message == "KeyError: 'second'"
