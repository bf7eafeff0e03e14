"""Jobs that are changed between two runs: nothing is lost or doubled, and the audit shows what changed."""

from __future__ import annotations

from tests.e2e.app import App, jobs_of


def test_a_full_job_that_becomes_incremental_does_not_double_its_rows(app: App) -> None:
    app.create_tables("grows")
    app.put_workbook(app.row("grows", "grows"))
    app.run()
    app.put_workbook(app.row("grows", "grows", load_type="INCREMENTAL", watermark_column="id"))
    assert jobs_of(app.run())["grows"]["status"] == "SUCCESS"
    assert app.lake_rows("grows") == app.source_rows("grows")

    app.execute("insert into grows values (4, 'new')")
    assert jobs_of(app.run())["grows"]["rows_written"] == 1
    assert app.lake_rows("grows") == app.source_rows("grows")


def test_another_watermark_column_is_refused_until_a_full_refresh(app: App) -> None:
    app.execute(
        "create table moved (id bigint primary key, version bigint not null)",
        "insert into moved values (1, 10), (2, 20)",
    )
    app.put_workbook(app.row("moved", "moved", load_type="INCREMENTAL", watermark_column="id"))
    app.run()
    app.put_workbook(app.row("moved", "moved", load_type="INCREMENTAL", watermark_column="version"))
    refused = jobs_of(app.run())["moved"]
    assert refused["status"] == "FAILED"
    assert "watermark_column is 'version' now and was 'id'" in refused["error_message"]

    assert jobs_of(app.run(full_refresh=True))["moved"]["watermark_after"] == "20"
    assert app.lake_rows("moved") == app.source_rows("moved")


def test_new_and_dropped_columns_are_in_the_audit(app: App) -> None:
    app.create_tables("wider")
    app.put_workbook(app.row("wider", "wider", verify="Y"))
    assert "schema_changes" not in jobs_of(app.run())["wider"]
    app.execute("alter table wider add column amount numeric(10, 2)")
    assert "column 'amount' added (decimal)" in jobs_of(app.run())["wider"]["schema_changes"]
    app.execute("alter table wider drop column amount")
    assert "column 'amount' is gone from the source" in jobs_of(app.run())["wider"]["schema_changes"]
