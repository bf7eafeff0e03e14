"""The optional columns of the workbook, each proved once from the cell to what it does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.app import SOURCE, App, jobs_of

INCREMENTAL = {"load_type": "INCREMENTAL", "watermark_column": "id"}


def quiet_hours(start: int, end: int) -> str:
    """A span of hours from now on, UTC."""
    now = datetime.now(UTC)
    return " - ".join(f"{now + timedelta(hours=hours):%H:%M}" for hours in (start, end))


def tick(app: App) -> dict[str, Any]:
    """Fire the timer and wait for the run that it starts."""
    before = {row["run_id"] for row in app.run_rows()}
    app.fire_timer()
    new = app.until(lambda: {row["run_id"] for row in app.run_rows()} - before, "the timer starts a run")
    return app.wait(new.pop())


def schema_of(app: App, table_name: str) -> dict[str, str]:
    return {field.name: str(field.type) for field in app.lake(table_name).schema}


@pytest.fixture(scope="module")
def loaded(app: App) -> dict[str, dict[str, Any]]:
    """One run of jobs that differ in the columns that say what is read and how it is kept."""
    app.execute(
        "create table wide (id bigint, addr_street text, addr_city text, note_internal text, amount numeric, flag int)",
        "insert into wide values (1, 'Long Lane', 'Bern', 'secret', 12.5, 1)",
    )
    app.execute(*(f"create view wide_{name} as select * from wide" for name in ("some", "less", "typed", "delta")))
    app.create_tables("named", "signed")
    app.services.key_vault.set_secret("Source-Reader-of-Shop", json.dumps(app.postgres_connection(app.database)))
    managed = app.postgres_connection(app.database)
    app.put_source("token_pg", {name: value for name, value in managed.items() if name != "password"})
    app.put_workbook(
        app.row("some", "wide_some", included_columns="id, ADDR_*"),
        app.row("less", "wide_less", excluded_columns="*_internal, flag"),
        app.row("typed", "wide_typed", column_types="amount:decimal(18,4), flag:bool"),
        app.row("delta", "wide_delta", table_format="delta"),
        app.row("by_name", "named", source_name="renamed_pg"),
        app.row("by_token", "signed", source_name="token_pg"),
        sources=[
            {"source_name": "renamed_pg", "secret_name": "Source-Reader-of-Shop"},
            {"source_name": "token_pg", "auth": "managed_identity"},
        ],
    )
    return jobs_of(app.run())


def test_included_columns_are_read_and_no_others(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    assert app.lake("wide_some").column_names == ["id", "addr_street", "addr_city"]


def test_excluded_columns_are_not_read(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    assert app.lake("wide_less").column_names == ["id", "addr_street", "addr_city", "amount"]


def test_column_types_win_over_those_of_the_source(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    types = schema_of(app, "wide_typed")
    assert (types["amount"], types["flag"]) == ("decimal128(18, 4)", "bool")


def test_table_format_delta_makes_a_delta_table(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    assert [row[:3] for row in app.delta_rows("wide_delta")] == [(1, "Long Lane", "Bern")]


def test_secret_name_names_a_secret_of_the_vault(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    assert loaded["by_name"]["status"] == "SUCCESS", loaded["by_name"]
    assert app.lake_rows("named") == [] != app.source_rows("named")
    assert len(app.lake_files("named", "renamed_pg")) == 1


def test_auth_managed_identity_signs_in_with_a_token(app: App, loaded: dict[str, dict[str, Any]]) -> None:
    job = loaded["by_token"]
    # a token may go over an encrypted connection only, and the local PostgreSQL has none
    assert (job["status"], job["error_kind"]) == ("FAILED", "source")
    assert "SSL was required" in job["error_message"]


def test_lookback_brings_late_rows_and_updates_those_that_it_has(app: App) -> None:
    app.execute(
        "create table late (id bigint, at timestamptz not null, state text)",
        "insert into late values (1, '2026-01-01 10:00Z', 'old'), (2, '2026-01-01 12:00Z', 'old')",
        "create table counted (id bigint, seq numeric(10) not null, state text)",
        "insert into counted values (1, 10, 'old'), (2, 20, 'old')",
    )
    cells = {"load_type": "INCREMENTAL", "table_format": "delta", "primary_key": "id"}
    app.put_workbook(
        app.row("late", "late", watermark_column="at", lookback=3600, **cells),
        app.row("counted", "counted", watermark_column="seq", lookback=5, **cells),
    )
    assert app.run()["status"] == "SUCCEEDED"
    app.execute(
        "update late set state = 'new'",
        "insert into late values (3, '2026-01-01 11:00Z', 'late'), (4, '2026-01-01 10:59Z', 'too late')",
        "update counted set state = 'new'",
        "insert into counted values (3, 15, 'late'), (4, 14, 'too late')",
    )
    jobs = jobs_of(app.run())
    assert [job.get("error_message") for job in jobs.values()] == [None, None]
    assert [(row[0], row[2]) for row in app.delta_rows("late")] == [(1, "old"), (2, "new"), (3, "late")]
    assert [(row[0], row[2]) for row in app.delta_rows("counted")] == [(1, "old"), (2, "new"), (3, "late")]
    assert jobs["late"]["watermark_after"] == "2026-01-01T12:00:00+00:00"
    assert jobs["counted"]["watermark_after"] == "20"


@pytest.mark.parametrize(
    ("contract", "status", "columns"),
    [
        ("evolve", "SUCCESS", {"id", "name", "more"}),
        ("freeze", "FAILED", {"id", "name"}),
        ("discard_value", "SUCCESS", {"id", "name"}),
        ("discard_row", "SUCCESS", {"id", "name"}),
    ],
)
def test_schema_contract_decides_what_a_new_column_does(
    app: App, contract: str, status: str, columns: set[str]
) -> None:
    table = f"contract_{contract}"
    app.create_tables(table)
    app.put_workbook(app.row(table, table, schema_contract=contract, **INCREMENTAL))
    assert app.run()["status"] == "SUCCEEDED"
    app.execute(f"alter table {table} add column more text", f"insert into {table} values (4, 'four', 'more')")
    job = jobs_of(app.run())[table]
    assert job["status"] == status, job
    assert set(app.lake(table).column_names) == columns
    if status == "FAILED":
        assert "more" in job["error_message"]


def test_priority_and_max_concurrent_jobs_order_the_jobs_of_a_source(app: App) -> None:
    app.create_tables("last", "first", "middle")
    app.put_workbook(
        *(app.row(name, name, priority=number) for name, number in {"last": 9, "first": 1, "middle": 5}.items()),
        sources=[{"source_name": SOURCE, "max_concurrent_jobs": 1}],
    )
    jobs = jobs_of(app.run())
    assert sorted(jobs, key=lambda job_id: jobs[job_id]["start_time"]) == ["first", "middle", "last"]


def test_max_attempts_counts_the_attempts_of_a_transient_failure(app: App) -> None:
    app.create_tables("stubborn")
    app.put_source("closed_pg", app.postgres_connection(app.database) | {"port": 1})
    app.put_workbook(app.row("stubborn", "stubborn", source_name="closed_pg", max_attempts=2))
    job = jobs_of(app.run())["stubborn"]
    assert (job["status"], job["attempt"], job["error_kind"]) == ("FAILED", 2, "transient")


def test_a_job_with_a_schedule_runs_in_the_first_tick_after_its_time_and_a_run_by_hand_at_once(app: App) -> None:
    app.create_tables("rarely", "always")
    far = f"0 0 1 {(datetime.now(UTC) + timedelta(days=60)).month} *"
    app.put_workbook(app.row("rarely", "rarely", schedule=far), app.row("always", "always"))
    ticked = tick(app)
    assert list(jobs_of(ticked)) == ["always"]
    assert app.run_rows()[0]["jobs_not_due"] == 1
    assert app.load("rarely")["status"] == "SUCCESS"


def test_quiet_hours_keep_scheduled_jobs_from_starting_and_say_why(app: App) -> None:
    app.create_tables("quiet", "loud")
    app.put_workbook(
        app.row("quiet", "quiet"),
        app.row("loud", "loud", source_name="loud_pg"),
        sources=[
            {"source_name": SOURCE, "quiet_hours": quiet_hours(-1, 1)},
            {"source_name": "loud_pg", "quiet_hours": quiet_hours(2, 3)},
        ],
    )
    app.put_source("loud_pg", app.postgres_connection(app.database))
    ticked = tick(app)
    jobs = jobs_of(ticked)
    assert (ticked["status"], jobs["quiet"]["status"], jobs["loud"]["status"]) == ("SUCCEEDED", "SKIPPED", "SUCCESS")
    assert f"Source '{SOURCE}' has quiet hours until" in jobs["quiet"]["error_message"]
    assert app.load("quiet")["status"] == "SUCCESS"


def test_an_incremental_job_of_another_name_does_not_bring_every_row_once_more(app: App) -> None:
    app.create_tables("renamed")
    app.put_workbook(app.row("old_name", "renamed", **INCREMENTAL))
    assert app.run()["status"] == "SUCCEEDED"
    app.put_workbook(app.row("new_name", "renamed", **INCREMENTAL))
    job = jobs_of(app.run())["new_name"]
    assert (job["status"], job["error_kind"], job["attempt"]) == ("FAILED", "lake", 1)
    assert "was loaded by job 'old_name' so far" in job["error_message"]
    assert app.run(full_refresh=True)["status"] == "SUCCEEDED"
    assert app.lake_rows("renamed") == app.source_rows("renamed")
