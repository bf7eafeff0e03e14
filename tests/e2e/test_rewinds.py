"""A watermark that is set by hand: the next load starts there, once, and doubles nothing unless that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.app import App, jobs_of

ROWS = "select n, timestamptz '2026-01-01Z' + n * interval '1 month', 'old' from generate_series(0, 3) n"
JOBS = ("keyed", "appended", "missed")


@pytest.fixture(scope="module", autouse=True)
def loaded(app: App) -> dict[str, Any]:
    """Four months in three tables, each loaded once: a Delta table with a key, and two of Parquet."""
    for table in JOBS:
        app.execute(f"create table {table} (id bigint, changed timestamptz not null, state text)")
        app.execute(f"insert into {table} {ROWS}")
    cells = {"load_type": "INCREMENTAL", "watermark_column": "changed"}
    app.create_tables("whole")
    app.put_workbook(
        app.row("keyed", "keyed", table_format="delta", primary_key="id", **cells),
        *(app.row(name, name, **cells) for name in JOBS[1:]),
        app.row("whole", "whole"),
        app.row("never_ran", "whole", enabled="N", **cells | {"watermark_column": "id"}, target_folder_path="other"),
    )
    return jobs_of(app.run())


def rewind(app: App, job_id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    response = app.request("POST", f"/api/jobs/{job_id}/watermark", body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_delta_table_takes_the_rows_again_and_equals_the_source(app: App, loaded: dict[str, Any]) -> None:
    app.execute(
        "update keyed set state = 'new' where id in (1, 2)", "insert into keyed values (9, '2026-02-15Z', 'late')"
    )
    assert app.load("keyed")["rows_written"] == 0
    answer = rewind(app, "keyed", value="2026-02-01")
    assert (answer["watermark"], answer["duplicates"]) == ("2026-02-01", False)
    assert answer["watermark_before"] == loaded["keyed"]["watermark_after"]
    again = app.load("keyed")
    assert (again["status"], again["rows_written"]) == ("SUCCESS", 4)
    assert again["watermark_after"] == loaded["keyed"]["watermark_after"]
    january, *rest = app.delta_rows("keyed")
    assert january[2] == "old"
    assert rest == app.source_rows("keyed")[1:]


def test_a_rewind_is_carried_out_once(app: App) -> None:
    assert app.load("keyed")["rows_written"] == 0
    assert rewind(app, "keyed", value="2026-01-01")["duplicates"] is False
    assert app.load("keyed")["rows_written"] == 5
    assert app.load("keyed")["rows_written"] == 0
    assert app.delta_rows("keyed") == app.source_rows("keyed")


def test_a_rewind_to_a_load_brings_what_came_after_it(app: App, loaded: dict[str, Any]) -> None:
    app.execute("insert into keyed values (10, '2026-07-01Z', 'next')")
    assert app.load("keyed")["rows_written"] == 1
    app.execute("insert into keyed values (11, '2026-06-01Z', 'late')")
    answer = rewind(app, "keyed", load_id=loaded["keyed"]["load_id"])
    assert answer["watermark"] == loaded["keyed"]["watermark_after"]
    assert app.load("keyed")["status"] == "SUCCESS"
    assert app.delta_rows("keyed") == app.source_rows("keyed")


def test_a_rewind_that_would_double_rows_must_be_meant(app: App) -> None:
    detail = rewind(app, "appended", status=409, value="2026-03-01")["detail"]
    assert "every row from 2026-03-01 on would be duplicated" in detail
    assert app.load("appended")["rows_written"] == 0
    assert rewind(app, "appended", value="2026-03-01", accept_duplicates=True)["duplicates"] is True
    assert app.load("appended")["rows_written"] == 2
    assert len(app.lake_rows("appended")) == 6


def test_to_start_again_takes_the_place_of_the_table(app: App) -> None:
    answer = rewind(app, "appended", clear=True)
    assert (answer["watermark"], answer["duplicates"]) == (None, False)
    assert app.load("appended")["rows_written"] == 4
    assert app.lake_rows("appended") == app.source_rows("appended")
    assert app.load("appended")["rows_written"] == 0


def test_a_failed_load_leaves_the_rewind_for_the_next_one(app: App) -> None:
    rewind(app, "missed", clear=True)
    app.execute("alter table missed rename to gone")
    assert app.load("missed")["status"] == "FAILED"
    app.execute("alter table gone rename to missed", "delete from missed where id = 0")
    assert app.load("missed")["rows_written"] == 3
    assert app.lake_rows("missed") == app.source_rows("missed")


def test_a_job_that_runs_is_not_rewound(app: App) -> None:
    with app.locked("keyed", readers=1) as until_readers_wait:
        run_id = app.start_run(job_ids=["keyed"])
        until_readers_wait()
        assert run_id in rewind(app, "keyed", status=409, value="2026-01-01")["detail"]
    app.wait(run_id)


@pytest.mark.parametrize(
    ("job_id", "body", "status", "detail"),
    [
        ("nobody", {"clear": True}, 404, "There is no job 'nobody'"),
        ("whole", {"clear": True}, 409, "has load_type FULL"),
        ("never_ran", {"clear": True}, 409, "has loaded nothing yet"),
        ("keyed", {}, 400, "give one of value, load_id and clear"),
        ("keyed", {"value": "2026-01-01", "clear": True}, 400, "give one of value, load_id and clear"),
        ("keyed", {"value": ""}, 400, "value"),
        ("keyed", {"value": "01.02.2026"}, 400, "'01.02.2026' is not a date in ISO 8601"),
        ("keyed", {"value": 17}, 400, "'17' is not a value of column 'changed'; its last one is 2026-"),
        ("keyed", {"value": "2030-01-01"}, 400, "is later than the last watermark 2026-"),
        ("keyed", {"load_id": "1.2"}, 400, "'1.2' is not a load of the job"),
    ],
)
def test_an_impossible_rewind_is_refused(app: App, job_id: str, body: dict[str, Any], status: int, detail: str) -> None:
    assert detail in str(rewind(app, job_id, status=status, **body))


def test_the_ledger_says_who_has_set_a_watermark(app: App) -> None:
    newest = app.audit_rows("rewind:appended")[0]
    assert newest["by"].startswith("key ")
    assert "watermark" not in newest
    assert newest["watermark_before"] == app.audit_rows("ledger:appended")[1]["watermark_after"]
    (call, *_rest) = (row for row in app.audit_rows("calls") if row.get("job_id") == "appended")
    assert (call["route"], call["answer_status"]) == ("POST /api/jobs/{job_id}/watermark", 200)
