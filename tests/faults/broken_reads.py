"""Loads whose database breaks off or falls silent: what is the same for each database that a stand-in speaks for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.app import SOURCE
from tests.faults.rig import BrokenApp

ROWS = 20_000
FLOWS: dict[str, dict[str, object]] = {
    "FULL Parquet": {"load_type": "FULL"},
    "FULL Parquet, three readers": {"load_type": "FULL", "parallelism": 3},
    "INCREMENTAL Parquet": {"load_type": "INCREMENTAL", "watermark_column": "id"},
}
_numbers = itertools.count()


def changed_job(
    app: BrokenApp,
    flow: str,
    cells: Mapping[str, object],
    create: Callable[[str], None],
    change: Callable[[str], None],
) -> str:
    """A job that was loaded once, and whose table has other rows since.

    Args:
        app: The app.
        flow: One of `FLOWS`.
        cells: What the database's jobs have in the workbook.
        create: Makes the table of a name, with some rows.
        change: Gives it `ROWS` rows.
    """
    job = f"broken_{next(_numbers)}"
    create(job)
    app.put_workbook(app.row(job, job, **{"chunk_size": 1000, **cells, **FLOWS[flow]}))
    run = app.run()
    assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
    change(job)
    return job


def reading(job: str) -> str:
    """The pattern of the statement that reads the rows of a job."""
    return rf"{job}\.name AS name"


def assert_silence_fails_the_job(
    app: BrokenApp, job: str, secret: Mapping[str, Any], fall_silent: Callable[[str], None]
) -> None:
    """Run a job whose server gives no answer; it fails by its timeout, and its table stays as it was."""
    before = app.lake_rows(job)
    app.put_source(SOURCE, {**secret, "statement_timeout": 2})
    fall_silent(reading(job))
    run = app.run(job_ids=[job])
    app.put_source(SOURCE, secret)
    assert run["status"] != "SUCCEEDED"
    assert "statement_timeout" in run["jobs"][0]["error_message"]
    assert app.lake_rows(job) == before
