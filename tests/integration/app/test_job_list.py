"""The list of jobs in pages and as changes, over a real audit table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from azure.durable_functions import DurableOrchestrationClient
from azure.storage.blob import ContainerClient

from shared.activation.store import configuration_store
from shared.api.answers import JobList
from shared.api.http import ProblemError
from shared.api.queries import JobsQuery
from shared.api.routes.jobs import list_jobs
from shared.audit import followed
from shared.audit.jobs import record_job
from shared.audit.progress import ProgressRow
from shared.audit.runs import record_run
from shared.models.attempt import AttemptOrder, JobError, JobResult, JobStatus
from shared.models.run import RunRequest
from shared.settings import settings
from tests.builders import a_job, a_workbook

pytestmark = pytest.mark.usefixtures("app_settings")

JOBS = [f"job-{number:02d}" for number in range(25)]
NO_CLIENT = cast("DurableOrchestrationClient", None)  # nothing that it is asked runs in these tests


@pytest.fixture(autouse=True)
def active(app_settings: None, container: ContainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five jobs are active; what changed is told apart by the second."""
    activate(*JOBS)
    monkeypatch.setattr(followed, "_OVERLAP", timedelta(seconds=0))


def activate(*job_ids: str, at: datetime | None = None) -> None:
    content = a_workbook(*({"job_id": job_id} for job_id in job_ids))
    configuration_store().activate(content, f"etag-{len(job_ids)}", at or datetime.now(UTC))


def ask(**query: Any) -> JobList:
    return asyncio.run(list_jobs(NO_CLIENT, JobsQuery.model_validate(query)))


def ids(answer: JobList) -> list[str]:
    return [job.job_id for job in answer.jobs]


def pages(**query: Any) -> Iterator[JobList]:
    answer = ask(**query)
    yield answer
    while answer.continuation:
        answer = ask(**{"limit": query.get("limit", 1000), "continuation": answer.continuation})
        yield answer


def end(job_id: str, status: JobStatus = JobStatus.SUCCESS, **fields: Any) -> None:
    now = datetime.now(UTC)
    result = JobResult(run_id="run-1", job_id=job_id, status=status, started_at=now, ended_at=now, **fields)
    record_job(result, now, a_job(job_id=job_id))


def test_pages_give_each_job_once_in_the_order_of_the_workbook() -> None:
    answers = list(pages(limit=10))
    assert [len(answer.jobs) for answer in answers] == [10, 10, 5]
    assert [job_id for answer in answers for job_id in ids(answer)] == JOBS
    assert {answer.counts.total for answer in answers} == {25}


def test_a_query_for_nothing_has_the_counts() -> None:
    error = JobError(kind="source", message="The table is gone.", retryable=False)
    end("job-03", JobStatus.FAILED, error=error)
    end("job-04", warnings=["The watermark is in the future."])
    answer = ask(limit=0)
    assert (answer.jobs, answer.continuation) == ([], None)
    assert answer.counts.model_dump() == {
        **{"total": 25, "enabled": 25, "running": 0, "failed": 1, "overdue": 0, "warned": 1},
    }


def test_changes_are_the_jobs_that_were_recorded_since() -> None:
    end("job-07")
    before = ask()
    assert before.only_changes is False
    end("job-20")
    changes = ask(since=before.as_of)
    assert changes.only_changes
    assert "job-20" in ids(changes)
    assert set(ids(changes)) <= {"job-07", "job-20"}  # what is written within one second may come twice


def test_what_changes_between_pages_comes_with_the_next_changes() -> None:
    first = ask(limit=20)
    end("job-01")
    last = ask(limit=20, continuation=first.continuation)
    assert last.as_of == first.as_of
    assert ids(ask(since=last.as_of)) == ["job-01"]


def test_a_job_that_has_become_due_or_overdue_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGESTION_SCHEDULE", "0 0 2 * * *")
    settings.cache_clear()
    before = ask()
    later = datetime.now(UTC) + timedelta(days=400)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return later

    monkeypatch.setattr("shared.api.routes.jobs.datetime", Later)
    assert ids(ask(since=before.as_of)) == JOBS


def test_what_runs_now_is_in_the_list_and_in_every_list_of_changes() -> None:
    started = datetime.now(UTC)
    record_run(RunRequest(run_id="run-2", trigger="http", requested_at=started), "RUNNING", {"jobs_total": 1})
    order = AttemptOrder(run_id="run-2", run_started_at=started, job_id="job-05", config_sha256="0f", attempt=2)
    row = ProgressRow(order, a_job(job_id="job-05"), started)
    row.write("extract", 70)
    for answer in (ask(), ask(since=ask().as_of)):
        (current,) = next(job for job in answer.jobs if job.job_id == "job-05").current
        assert (current.run_id, current.status, current.stage) == ("run-2", "RUNNING", "extract")
        assert (current.attempt, current.rows_extracted, answer.counts.running) == (2, 70, 1)
    end_time = datetime.now(UTC)
    record_job(
        JobResult(run_id="run-2", job_id="job-05", status=JobStatus.SUCCESS, started_at=started, ended_at=end_time),
        started,
        a_job(job_id="job-05"),
    )
    assert next(job for job in ask().jobs if job.job_id == "job-05").current == []


def test_of_another_version_everything_is_listed() -> None:
    before = ask()
    activate(*JOBS[:20], at=datetime.now(UTC) + timedelta(seconds=1))
    answer = ask(since=before.as_of)
    assert (answer.only_changes, ids(answer)) == (False, JOBS[:20])


def test_a_page_of_another_version_is_refused() -> None:
    first = ask(limit=10)
    activate(*JOBS[:20], at=datetime.now(UTC) + timedelta(seconds=1))
    with pytest.raises(ProblemError, match="ask again without `continuation`"):
        ask(limit=10, continuation=first.continuation)


@pytest.mark.parametrize("name", ["continuation", "since"])
@pytest.mark.parametrize("text", ["", "x", "e30=", "ð"])
def test_a_text_that_no_answer_gave_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="give what an earlier answer of this route said"):
        JobsQuery.model_validate({name: text})
