"""Housekeeping over a real table and container: what is old goes, what is needed stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobLeaseClient, ContainerClient

from shared.activation.uploads import Activation, Outcome
from shared.audit.calls import open_call
from shared.audit.jobs import job_rows, latest_rows, record_job
from shared.audit.ledger import last_load, record_load
from shared.audit.runs import find_run, record_run, request_cancel
from shared.audit.table import CALLS, HOUSEKEEPING, WORKBOOK, audit_table, newest_first
from shared.audit.upkeep import last_housekeeping, record_housekeeping
from shared.audit.uploads import record_activation
from shared.housekeeping.audit_rows import purge_audit_rows
from shared.housekeeping.blobs import Limits, purge_leases, purge_stamped
from shared.housekeeping.budget import Budget
from shared.models.attempt import JobResult, JobStatus
from shared.models.run import RunRequest
from tests.audit_rows import job_history
from tests.builders import a_job

pytestmark = pytest.mark.usefixtures("app_settings")

NOW = datetime.now(UTC)
YEAR_AGO = NOW - timedelta(days=365)
MONTH_AGO = NOW - timedelta(days=30)
ALL = 10_000


def a_run(run_id: str, at: datetime, *job_ids: str, status: JobStatus = JobStatus.SUCCESS) -> None:
    """A run in the audit table, with its jobs."""
    request = RunRequest(run_id=run_id, trigger="timer", requested_at=at)
    record_run(request, "SUCCEEDED", {})
    for job_id in job_ids:
        result = JobResult(run_id=run_id, job_id=job_id, status=status, started_at=at, ended_at=at, load_id="1.0")
        record_job(result, at, a_job(job_id=job_id))


def an_upload(at: datetime, outcome: Outcome) -> None:
    record_activation(Activation(outcome=outcome, sha256="0f" * 32, at=at))


def runs_in_history(job_id: str) -> list[str]:
    return [row["run_id"] for row in job_history(job_id)]


def partition(key: str) -> list[str]:
    return [row["RowKey"] for row in audit_table().query_entities("PartitionKey eq @key", parameters={"key": key})]


def test_rows_of_an_old_run_go_and_those_of_a_new_one_stay() -> None:
    a_run("old", YEAR_AGO, "orders", "users")
    request_cancel("old")
    a_run("new", NOW, "orders", "users")
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    assert find_run("old") is None
    assert [*job_rows("old"), *partition("cancelled")] == []
    assert partition("run_ids") == ["new"]
    assert find_run("new") is not None
    assert len(list(job_rows("new"))) == 2
    assert runs_in_history("orders") == ["new"]


def test_the_last_load_of_a_job_and_its_last_good_one_stay_however_old() -> None:
    a_run("older", YEAR_AGO, "orders")
    a_run("good", YEAR_AGO + timedelta(days=1), "orders")
    a_run("bad", YEAR_AGO + timedelta(days=2), "orders", status=JobStatus.FAILED)
    a_run("last", YEAR_AGO + timedelta(days=3), "orders", status=JobStatus.FAILED)
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    assert runs_in_history("orders") == ["last", "good"]
    assert [row["run_id"] for row in latest_rows()] == ["last"]


def test_a_run_that_is_active_stays_whatever_its_age() -> None:
    a_run("endless", YEAR_AGO, "orders")
    a_run("later", NOW, "orders")
    purge_audit_rows(MONTH_AGO, ["endless"], Budget(ALL))
    assert find_run("endless") is not None
    assert len(list(job_rows("endless"))) == 1
    assert runs_in_history("orders") == ["later", "endless"]


def test_the_ledger_and_the_claims_of_orders_stay() -> None:
    job = a_job(job_id="orders")
    at = {"started_at": YEAR_AGO, "ended_at": YEAR_AGO}
    record_load(job, JobResult(run_id="old", job_id="orders", status=JobStatus.SUCCESS, load_id="1000.0", **at))
    audit_table().create_entity({"PartitionKey": "request", "RowKey": "one", "run_id": "old"})
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    assert last_load(job) is not None
    assert partition("request") == ["one"]


def test_the_upload_that_is_active_stays_and_older_ones_go() -> None:
    for days, outcome in ((0, Outcome.ACTIVATED), (1, Outcome.ACTIVATED), (2, Outcome.REFUSED)):
        an_upload(YEAR_AGO + timedelta(days=days), outcome)
    an_upload(NOW, Outcome.REFUSED)
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    rows = audit_table().query_entities("PartitionKey eq @key", parameters={"key": WORKBOOK})
    assert [(row["status"], row["time"].date()) for row in rows] == [
        ("REFUSED", NOW.date()),
        ("ACTIVATED", (YEAR_AGO + timedelta(days=1)).date()),
    ]


def test_a_tick_removes_no_more_than_it_may_and_the_next_one_goes_on() -> None:
    a_run("old", YEAR_AGO, *(f"job_{number}" for number in range(150)))
    budget = Budget(120)
    assert purge_audit_rows(MONTH_AGO, [], budget) == 120
    assert budget.left == 0
    assert find_run("old") is not None, "the run's row is what the rest is found by"
    assert purge_audit_rows(MONTH_AGO, [], Budget(ALL)) == 32
    assert find_run("old") is None
    assert list(job_rows("old")) == []


def test_old_calls_go_and_new_ones_stay() -> None:
    old = {"PartitionKey": CALLS, "RowKey": f"{newest_first(YEAR_AGO)}-0f", "time": YEAR_AGO}
    audit_table().create_entity(old)
    new = open_call("POST /api/runs", "key default", {})
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    assert partition(CALLS) == [new]


def test_old_reports_go_and_the_last_one_is_found() -> None:
    for at in (YEAR_AGO, NOW):
        record_housekeeping(at, {"leases": 3, "history_purged_until": at})
    purge_audit_rows(MONTH_AGO, [], Budget(ALL))
    assert len(partition(HOUSEKEEPING)) == 1
    assert last_housekeeping()["history_purged_until"] == NOW


def put(container: ContainerClient, *names: str) -> None:
    for name in names:
        container.upload_blob(name, b"")


def test_leases_of_jobs_that_are_gone_go_unless_they_are_held(container: ContainerClient) -> None:
    put(container, "leases/gone", "leases/held", "leases/orders", "leases/wild.a_table")
    lease = BlobLeaseClient(container.get_blob_client("leases/held"))
    lease.acquire()  # without an end
    assert purge_leases(container, {"orders", "wild"}, Budget(ALL)) == 1
    assert list(container.list_blob_names()) == ["leases/held", "leases/orders", "leases/wild.a_table"]


def stamped(folder: str, day: datetime, sha: str, name: str) -> str:
    return f"{folder}/{day:%Y-%m-%dT%H-%M-%S.%fZ}-{sha * 12}{name}"


def test_old_versions_go_with_their_reports_and_those_in_use_stay(container: ContainerClient) -> None:
    old, used, new = (
        stamped("history", YEAR_AGO, "a", ""),
        stamped("history", YEAR_AGO, "b", ""),
        stamped("history", NOW, "c", ""),
    )
    put(container, *(f"{entry}{end}" for entry in (old, used, new) for end in (".json", ".changes.json")))
    limits = Limits(MONTH_AGO, 100)
    assert purge_stamped(container, "history", limits, Budget(ALL), kept=["b" * 64]) == 2
    assert {name.partition(".json")[0].removesuffix(".changes") for name in container.list_blob_names()} == {used, new}


def test_too_many_refused_uploads_go_oldest_first_and_the_pointer_to_the_last_stays(container: ContainerClient) -> None:
    days = [NOW - timedelta(days=number) for number in range(4)]
    put(container, "refused/latest.json", *(stamped("refused", day, "d", "/problems.json") for day in days))
    assert purge_stamped(container, "refused", Limits(MONTH_AGO, 2), Budget(1)) == 1
    assert purge_stamped(container, "refused", Limits(MONTH_AGO, 2), Budget(ALL)) == 1
    left = sorted(stamped("refused", day, "d", "/problems.json") for day in days[:2])
    assert list(container.list_blob_names()) == [*left, "refused/latest.json"]
