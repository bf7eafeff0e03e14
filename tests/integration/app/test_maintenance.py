"""Compaction and vacuum of real Delta tables: rows stay, files go, and loads are committed and taken back as before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.load_job import load_job
from activities.maintain_job import maintain_job
from shared.activation.store import configuration_store
from shared.audit.table import audit_table
from shared.isolation.leases import JobBusyError, job_lease
from shared.lake.commit import CommittingClient
from shared.loading.maintenance import maintain_tables
from shared.models.attempt import AttemptOrder
from shared.models.maintenance import MaintainedTable, Maintenance, MaintenanceOrder
from shared.secrets import Secret
from tests.app_process import run_here
from tests.builders import a_workbook
from tests.integration.app.delta_loads import DeltaLoads

WEEK = timedelta(days=7)


@pytest.fixture
def loaded(loads: DeltaLoads) -> DeltaLoads:
    """A Delta table of four loads, each with files of its own."""
    loads.load()
    for number in (11, 12, 13):
        loads.execute(f"insert into {loads.table} values ({number}, 'new', {number})")
        loads.load()
    return loads


def maintain(loads: DeltaLoads, retention: timedelta = WEEK) -> MaintainedTable:
    folder = loads.folder / f"maintenance-{datetime.now(UTC):%H%M%S%f}"
    folder.mkdir()
    with job_lease(loads.job.job_id, "maintenance-1") as lease:
        (table,) = maintain_tables(lease.lease_id, loads.job, folder, retention, 0, WEEK, Secret({}), lambda *_: None)
    return table


def data_files(loads: DeltaLoads) -> list[str]:
    prefix = f"raw/shop/shop_pg_{loads.table}/{loads.table}/"
    return [name for name in loads.lake.list_blob_names(name_starts_with=prefix) if name.endswith(".parquet")]


def test_small_files_become_one_and_old_ones_stay_as_long_as_they_are_to(loaded: DeltaLoads) -> None:
    before = loaded.rows()
    files = len(data_files(loaded))
    maintained = maintain(loaded)
    assert (maintained.files_after, maintained.files_removed) == (1, 0)
    assert maintained.files_before > 1
    assert loaded.rows() == before
    assert len(data_files(loaded)) == files + 1

    stray = f"raw/shop/shop_pg_{loaded.table}/{loaded.table}/part-00000-left-over.parquet"
    loaded.lake.upload_blob(stray, b"of a load that broke off before its commit")
    assert maintain(loaded).files_removed == 0
    assert maintain(loaded, timedelta(0)).files_removed > 0
    assert len(data_files(loaded)) == 1
    assert loaded.rows() == before


def test_loads_go_on_after_a_maintenance(loaded: DeltaLoads) -> None:
    loaded.change_job(detect_deletes="hard", max_deleted_percent=50)
    maintain(loaded, timedelta(0))
    loaded.execute(
        f"insert into {loaded.table} values (14, 'new', 14)",
        f"update {loaded.table} set name = 'changed', version = 15 where id = 1",
        f"delete from {loaded.table} where id = 2",
    )
    result = loaded.load()
    assert (result.rows_written, result.rows_deleted) == (2, 1)
    assert [row[0] for row in loaded.rows()] == [1, *range(3, 15)]
    assert (1, "changed", 15) in loaded.rows()


def test_a_load_that_breaks_off_goes_back_to_the_maintained_table(
    loaded: DeltaLoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.rows()
    maintain(loaded, timedelta(0))
    _break_off(loaded, monkeypatch)
    assert loaded.rows() != before
    maintain(loaded)  # it takes the load back itself, before it vacuums
    assert loaded.rows() == before
    assert loaded.load().rows_written == 1
    assert loaded.rows() == [*before, (14, "new", 14)]


def test_a_load_finds_what_broke_off_before_a_maintenance_and_after(
    loaded: DeltaLoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.rows()
    _break_off(loaded, monkeypatch)
    maintain(loaded, timedelta(0))
    assert loaded.rows() == before
    _break_off(loaded, monkeypatch)
    loaded.load()
    assert loaded.rows() == [*before, (14, "new", 14)]


def _break_off(loads: DeltaLoads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a load end between Delta's commit and its own."""

    def end(*_: object) -> None:
        raise ConnectionResetError("the process ends here")

    loads.execute(f"insert into {loads.table} values (14, 'new', 14) on conflict do nothing")
    with monkeypatch.context() as breaking:
        breaking.setattr(CommittingClient, "complete_load", end)
        assert loads.attempt().error is not None


# the activity, with a workbook and a lease


@pytest.fixture
def order(loads: DeltaLoads, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The order to maintain the table of a job of an active workbook."""
    monkeypatch.setattr("activities.maintain_job.run_in_child", run_here)
    loads.load()
    job = loads.job
    cells = {"job_id": job.job_id, "table_name": job.table_name, "target_container": job.target_container}
    cells |= {"load_type": "INCREMENTAL", "watermark_column": "version", "primary_key": "id", "table_format": "delta"}
    activation = configuration_store().activate(a_workbook(cells), etag="1")
    maintenance = Maintenance(run_id="maintenance-1", started_at=datetime(2024, 1, 1, tzinfo=UTC))
    return MaintenanceOrder(maintenance=maintenance, job_id=job.job_id, config_sha256=activation.sha256).to_json()


def rows_of_audit() -> list[dict[str, Any]]:
    return [dict(row) for row in audit_table().query_entities("PartitionKey eq 'maintenance'")]


def test_a_maintenance_writes_a_row_for_each_table(loads: DeltaLoads, order: dict[str, Any]) -> None:
    result = maintain_job(order)
    assert (result["status"], [table["table_name"] for table in result["tables"]]) == ("SUCCESS", [loads.table])
    assert maintain_job(order)["status"] == "SUCCESS"  # once more: the same row
    (row,) = rows_of_audit()
    assert (row["run_id"], row["job_id"], row["table_name"], row["status"]) == (
        *("maintenance-1", loads.job.job_id, loads.table, "SUCCESS"),
    )
    assert (row["files_before"], row["files_after"], row["files_removed"]) == (1, 1, 0)


def test_a_job_that_is_being_loaded_is_left_out(loads: DeltaLoads, order: dict[str, Any]) -> None:
    version = loads.delta.version()
    with job_lease(loads.job.job_id, "run-1"):
        assert maintain_job(order)["status"] == "SKIPPED"
    (row,) = rows_of_audit()
    assert (row["status"], row["error_kind"]) == ("SKIPPED", "busy")
    assert loads.delta.version() == version


def test_a_load_waits_for_a_maintenance_and_not_for_another_run(loads: DeltaLoads, order: dict[str, Any]) -> None:
    attempt = AttemptOrder(
        run_id="run-1",
        run_started_at=datetime(2024, 1, 1, tzinfo=UTC),
        job_id=loads.job.job_id,
        config_sha256=order["config_sha256"],
    ).to_json()
    with job_lease(loads.job.job_id, "maintenance-1"):
        result = load_job(attempt)
    assert (result["status"], result["error"]["kind"], result["error"]["retryable"]) == ("SKIPPED", "busy", True)
    assert not JobBusyError("orders", "run-2").retryable


def test_a_table_whose_log_is_broken_fails_alone(loads: DeltaLoads, order: dict[str, Any]) -> None:
    log = f"raw/shop/shop_pg_{loads.table}/{loads.table}/_delta_log/00000000000000000000.json"
    loads.lake.upload_blob(log, b"not a log", overwrite=True)
    result = maintain_job(order)
    assert result["status"] == "FAILED"
    (row,) = rows_of_audit()
    assert (row["status"], row["job_id"]) == ("FAILED", loads.job.job_id)
