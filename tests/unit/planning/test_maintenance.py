"""Whose tables are maintained: those of jobs that would load them, and of no other."""

from __future__ import annotations

from typing import Any

from shared.jobs.wildcards import expand
from shared.models.job import Job
from shared.planning.maintenance import maintained_jobs
from shared.workbook.configuration import Configuration
from tests.builders import a_job


def _delta(job_id: str, table_name: str, **fields: Any) -> Job:
    return a_job(job_id=job_id, table_name=table_name, **({"table_format": "delta"} | fields))


def _expanded(job: Job, *tables: str) -> list[str]:
    return [one.job_id for one in expand(job, tables)]


def test_jobs_that_were_loaded_and_whose_files_become_more_are_maintained() -> None:
    jobs = (
        _delta("loaded", "a"),
        _delta("new", "b"),
        _delta("disabled", "c", enabled=False),
        _delta("plain", "d", table_format="parquet"),
        _delta("appended", "f", table_format="parquet", load_type="INCREMENTAL", watermark_column="id"),
        _delta("elsewhere", "e", destination="databricks"),
    )
    ever_loaded = ["appended", "disabled", "elsewhere", "loaded", "plain", "removed"]
    assert maintained_jobs(Configuration(jobs=jobs), ever_loaded) == ["appended", "loaded"]


def test_a_wildcard_s_tables_are_those_that_were_loaded() -> None:
    wildcard = _delta("all", "ord*")
    configuration = Configuration(jobs=(wildcard,))
    loaded = _expanded(wildcard, "orders", "order lines")
    assert maintained_jobs(configuration, [*loaded, "all"]) == sorted(loaded)


def test_a_table_goes_to_the_job_that_loads_it_now() -> None:
    first, second, own = _delta("first", "ord*"), _delta("second", "*s"), _delta("own", "items")
    loaded = _expanded(second, "orders", "items", "cities")
    maintained = maintained_jobs(Configuration(jobs=(first, second, own)), [*loaded, "own"])
    assert maintained == sorted([*_expanded(first, "orders"), *_expanded(second, "cities"), "own"])


def test_a_table_that_an_earlier_wildcard_loads_as_parquet_is_left_alone() -> None:
    first, second = _delta("first", "ord*", table_format="parquet"), _delta("second", "*")
    assert maintained_jobs(Configuration(jobs=(first, second)), _expanded(second, "orders")) == []
