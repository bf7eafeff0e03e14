"""Pages of runs and loads, as they come from Table Storage."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import pytest

from shared.audit.jobs import record_job
from shared.audit.pages import Page, Span, loads_page, runs_of_job_page, runs_page
from shared.audit.runs import record_run
from shared.models.attempt import JobResult, JobStatus
from shared.models.run import RunRequest
from tests.builders import a_job

START = datetime(2024, 1, 1, tzinfo=UTC)
NEWEST_FIRST = ["run-5", "run-4", "run-3", "run-2", "run-1", "run-0"]
ALL = Span()

Fetch = Callable[[Span, Collection[str], int, "str | None"], Page]


def loads(span: Span, statuses: Collection[str], limit: int, after: str | None) -> Page:
    return loads_page("orders", span, statuses, limit, after)


def runs_of_job(span: Span, statuses: Collection[str], limit: int, after: str | None) -> Page:
    return runs_of_job_page("orders", span, statuses, limit, after)


@pytest.fixture(autouse=True)
def _six_runs(app_settings: None) -> None:
    """A run of job `orders` a day, every second one a failure; the last one has loaded `customers`, too."""
    for day in range(6):
        started = START + timedelta(days=day)
        status = JobStatus.FAILED if day % 2 else JobStatus.SUCCESS
        request = RunRequest(run_id=f"run-{day}", trigger="http", requested_at=started)
        for job_id in ("orders", "customers") if day == 5 else ("orders",):
            result = JobResult(
                run_id=request.run_id, job_id=job_id, status=status, started_at=started, ended_at=started
            )
            record_job(result, started, a_job(job_id=job_id))
        record_run(request, status.value, {"jobs_total": 1})


def ids(page: Page) -> list[str]:
    return [row["run_id"] for row in page.rows]


@pytest.mark.parametrize("fetch", [runs_page, runs_of_job, loads])
def test_pages_follow_one_another_whatever_is_written_meanwhile(fetch: Fetch) -> None:
    first = fetch(ALL, (), 4, None)
    record_run(RunRequest(run_id="later", trigger="http", requested_at=START + timedelta(days=9)), "RUNNING", {})
    second = fetch(ALL, (), 4, first.after)
    assert ids(first) + ids(second) == NEWEST_FIRST
    assert second.after is None


@pytest.mark.parametrize("fetch", [runs_page, runs_of_job, loads])
def test_a_page_that_holds_all_there_is_has_none_after_it(fetch: Fetch) -> None:
    page = fetch(ALL, (), 6, None)
    assert (ids(page), page.after) == (NEWEST_FIRST, None)


@pytest.mark.parametrize("fetch", [runs_page, runs_of_job, loads])
def test_a_span_has_its_first_moment_and_not_its_last(fetch: Fetch) -> None:
    span = Span(START + timedelta(days=1), START + timedelta(days=3))
    assert ids(fetch(span, (), 50, None)) == ["run-2", "run-1"]
    assert ids(fetch(Span(start=span.end), (), 50, None)) == NEWEST_FIRST[:3]
    whole = Span(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    assert ids(fetch(whole, (), 50, None)) == NEWEST_FIRST


@pytest.mark.parametrize("fetch", [runs_page, runs_of_job, loads])
def test_a_page_of_some_statuses_is_as_full_as_any(fetch: Fetch) -> None:
    first = fetch(ALL, ("FAILED",), 2, None)
    second = fetch(ALL, ("FAILED",), 2, first.after)
    assert (ids(first), ids(second), second.after) == (["run-5", "run-3"], ["run-1"], None)
    assert ids(fetch(ALL, ("FAILED", "SUCCESS"), 50, None)) == NEWEST_FIRST


def test_runs_of_a_job_are_those_in_which_it_ended() -> None:
    assert ids(runs_of_job_page("customers", ALL, (), 50, None)) == ["run-5"]
    assert runs_of_job_page("it's unknown", ALL, (), 50, None) == Page([], None)
