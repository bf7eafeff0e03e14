"""What holds for every load of every source type: audit, ledger, lease, repetition, dry run, and errors."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest

from shared.audit.jobs import job_rows
from shared.audit.table import audit_table
from shared.isolation.leases import job_lease
from shared.models.attempt import JobStatus
from tests.audit_rows import job_history
from tests.integration.contract.conftest import ContractJob, MakeJob
from tests.integration.contract.subjects import PASSWORD, row

ROWS = [row(n, n) for n in range(1, 8)]
INCREMENTAL = {"load_type": "INCREMENTAL", "watermark_column": "changed"}


def test_audit_and_ledger_show_what_the_load_did(job: MakeJob) -> None:
    loaded = job(ROWS, **INCREMENTAL)
    result = loaded.load()
    (audit,) = [one for one in job_rows(result.run_id) if one["RowKey"] == loaded.job_id]
    assert dict(audit) == dict(next(iter(job_history(loaded.job_id)))) | {
        "PartitionKey": result.run_id,
        "RowKey": loaded.job_id,
    }
    expected = {
        "job_id": loaded.job_id,
        "run_id": result.run_id,
        "source_name": loaded.source_name,
        "table_name": loaded.job.resource_name,
        "load_type": "INCREMENTAL",
        "attempt": 1,
        "status": "SUCCESS",
        "rows_extracted": 7,
        "rows_written": 7,
        "files_written": 1,
        "load_id": result.load_id,
        "watermark_after": result.watermark_after,
    }
    assert {name: audit.get(name) for name in expected} == expected
    assert (
        datetime.fromisoformat(str(result.watermark_after)).replace(tzinfo=ROWS[-1]["changed"].tzinfo)
        == (ROWS[-1]["changed"])
    )
    assert audit["bytes_written"] > 0
    assert audit["duration_seconds"] > 0
    assert audit["start_time"] <= audit["end_time"]

    (ledger,) = audit_table().query_entities(f"PartitionKey eq 'ledger:{loaded.job_id}'")
    assert (ledger["load_id"], ledger["rows_written"]) == (result.load_id, 7)
    assert ledger["watermark_after"] == result.watermark_after


def test_an_attempt_that_is_run_again_after_its_commit_loads_nothing(job: MakeJob) -> None:
    loaded = job(ROWS, load_type="FULL")
    first = loaded.load(run_id=f"again-{loaded.job_id}")
    loaded.subject.write(ROWS[:1])
    again = loaded.load(run_id=f"again-{loaded.job_id}")
    assert (again.load_id, again.rows_written) == (first.load_id, 7)
    assert loaded.rows() == ROWS


def test_a_job_that_another_run_holds_is_skipped(job: MakeJob) -> None:
    loaded = job(ROWS, load_type="FULL")
    with job_lease(loaded.job_id, "another-run"):
        result = loaded.attempt()
    assert result.status is JobStatus.SKIPPED
    assert result.error
    assert "is being loaded by run another-run" in result.error.message
    assert loaded.files() == []
    assert loaded.load().rows_written == 7


def test_a_dry_run_reports_the_columns_and_moves_nothing(job: MakeJob) -> None:
    looked_at = job(ROWS, **INCREMENTAL)
    found = looked_at.examine()
    assert found.columns["id"] in ("int64", "decimal128(19, 0)")  # Oracle has numbers only
    assert found.columns["name"] == "string"
    assert found.columns["changed"].startswith("timestamp[us")
    assert found.watermark_column == "changed"
    assert found.sql
    assert looked_at.files() == []


def assert_failed_without_a_trace(
    loaded: ContractJob, caplog: pytest.LogCaptureFixture, kind: str, retryable: bool
) -> str:
    """Fails by that kind; neither its message nor log nor audit row holds a secret, and nothing is in the lake."""
    with caplog.at_level(logging.DEBUG, logger="shared"):
        result = loaded.attempt()
    assert result.error, result
    assert (result.status, result.error.kind, result.error.retryable) == (JobStatus.FAILED, kind, retryable)
    (audit,) = job_rows(result.run_id)
    assert (audit["status"], audit["error_kind"], audit["error_message"]) == ("FAILED", kind, result.error.message)
    secrets = {str(value) for name, value in loaded.secret.items() if name in ("password", "token")} | {PASSWORD}
    seen = f"{result.to_json()} {dict(audit)} {caplog.text}"
    assert not [secret for secret in secrets if secret in seen]
    assert not [name for name in loaded.files() if name.endswith(".parquet")]
    return result.error.message


def test_wrong_credentials_are_for_a_person(job: MakeJob, caplog: pytest.LogCaptureFixture) -> None:
    loaded = job(ROWS, load_type="FULL")
    if loaded.subject.rejected is None:
        loaded.connect({"url": "sqlite:////nowhere/at/all.db"})  # a file asks for no password; it can only be missing
    else:
        loaded.connect(loaded.subject.rejected)
    message = assert_failed_without_a_trace(loaded, caplog, "source", retryable=False)
    assert loaded.source_name in message or loaded.job_id in message


def test_a_source_that_does_not_answer_is_tried_again(job: MakeJob, caplog: pytest.LogCaptureFixture) -> None:
    loaded = job(ROWS, load_type="FULL")
    unreachable: Any = loaded.subject.unreachable or {"url": f"mysql+pymysql://reader:{PASSWORD}@127.0.0.1:1/shop"}
    loaded.connect(unreachable)
    assert "127.0.0.1" in assert_failed_without_a_trace(loaded, caplog, "transient", retryable=True)


def test_a_table_or_endpoint_that_is_not_there_is_named(job: MakeJob, caplog: pytest.LogCaptureFixture) -> None:
    loaded = job(ROWS, load_type="FULL")
    missing = {"api_endpoint": "/gone"} if "api_endpoint" in loaded.subject.cells else {"table_name": "gone"}
    loaded.change(load_type="FULL", **missing)
    assert "gone" in assert_failed_without_a_trace(loaded, caplog, "source", retryable=False)


@pytest.mark.parametrize("source_type", ["Oracle"])
def test_a_database_that_has_no_server_here_keeps_the_rules_up_to_its_first_wire(
    job: MakeJob, caplog: pytest.LogCaptureFixture, source_type: str
) -> None:
    loaded = job(ROWS, load_type="FULL")
    fields = {"host": "127.0.0.1", "port": 1, "database": "shop", "username": "reader", "password": PASSWORD}
    loaded.connect({**fields, "connect_timeout": 2})
    loaded.change(load_type="FULL", source_type=source_type, schema_name="dbo", table_name="things")
    assert "127.0.0.1:1" in assert_failed_without_a_trace(loaded, caplog, "transient", retryable=True)
