"""Uploads of the workbook: a good one becomes active, a bad one changes nothing and says why."""

from __future__ import annotations

import json

import pytest

from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of


@pytest.fixture(scope="module", autouse=True)
def _good(app: App) -> None:
    app.create_tables("first", "second")
    row = app.upload(a_workbook(app.row("first", "first")))
    assert (row["status"], row["problem_count"]) == ("ACTIVATED", 0)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not a workbook", "xlsx"),
        (a_workbook({"load_type": "INCR"}), "SourceConfig!F2 load_type: 'INCR'"),
        (a_workbook({"load_type": "INCREMENTAL", "watermark_column": None}), "watermark_column"),
    ],
    ids=["no workbook", "wrong value", "missing cell"],
)
def test_a_bad_workbook_leaves_the_last_good_one_active_and_says_why(app: App, content: bytes, problem: str) -> None:
    row = app.upload(content)
    assert row["status"] == "REFUSED"
    assert problem in row["problems"]

    reasons = json.loads(app.config.download_blob(f"{row['refused_folder']}/problems.json").readall())
    assert reasons["sha256"] == row["sha256"]
    assert len(reasons["problems"]) == row["problem_count"] >= 1

    run = app.run()
    assert (run["status"], list(jobs_of(run))) == ("SUCCEEDED", ["first"])


def test_a_new_good_workbook_takes_the_place_of_the_active_one(app: App) -> None:
    row = app.upload(a_workbook(app.row("first", "first", enabled="N"), app.row("second", "second")))
    assert row["status"] == "ACTIVATED"
    run = app.run()
    assert list(jobs_of(run)) == ["second"]
    assert run["config_sha256"] == row["sha256"]


def test_a_run_keeps_the_workbook_it_was_planned_from(app: App) -> None:
    app.create_tables("pinned", "later")
    app.upload(a_workbook(app.row("a_pinned", "pinned"), app.row("b_pinned", "second")))
    with app.locked("pinned", readers=1) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        app.upload(a_workbook(app.row("later", "later")))
    assert list(jobs_of(app.wait(run_id))) == ["a_pinned", "b_pinned"]
    assert list(jobs_of(app.run())) == ["later"]
