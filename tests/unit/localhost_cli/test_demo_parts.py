"""What the demo's verdict rests on."""

from __future__ import annotations

import pytest
from rich.console import Console
from typer.testing import CliRunner

from localhost import demo
from localhost.cli import commands
from localhost.demo_lake import LakeFile
from localhost.demo_workbook import API_JOB, FLIGHTS_JOB, TABLES, changed_workbook, first_workbook, job_id
from shared.workbook.validation import validate


def enabled_jobs(workbook: bytes) -> list[str]:
    report = validate(workbook)
    assert (report.problems, report.warnings) == ((), ())
    assert report.configuration is not None
    return [job.job_id for job in report.configuration.jobs if job.enabled]


def test_the_first_workbook_loads_every_table_and_no_source_that_is_not_here() -> None:
    assert sorted(enabled_jobs(first_workbook())) == sorted([API_JOB, *(job_id(table) for table in TABLES)])


def test_the_changed_workbook_loads_new_flights_only() -> None:
    assert enabled_jobs(changed_workbook()) == [FLIGHTS_JOB]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("raw/nyc/nyc_pg_flights/flights/1.2.parquet", "flights"),
        ("raw/nyc/nyc_pg_flights/_dlt_loads/1.jsonl", None),
        ("raw/nyc/nyc_pg_flights/_dlt_version/1.parquet", None),
    ],
)
def test_a_file_of_the_lake_holds_rows_of_a_table_or_notes_of_dlt(name: str, table: str | None) -> None:
    assert LakeFile(name, 1).table == table


@pytest.mark.parametrize(("kept", "exit_code"), [(True, 0), (False, 5)])
def test_a_broken_promise_makes_the_demo_fail(monkeypatch: pytest.MonkeyPatch, kept: bool, exit_code: int) -> None:
    def run_demo(console: Console) -> demo.Outcome:
        return demo.Outcome(promises={"All is well": True, "This too": kept})

    monkeypatch.setattr(demo, "run_demo", run_demo)
    assert CliRunner().invoke(commands, ["demo"]).exit_code == exit_code
