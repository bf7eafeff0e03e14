"""A table of the source has one folder in the lake, however the workbook spells its name."""

from __future__ import annotations

import pytest

from shared.jobs.destinations import dataset_path
from shared.jobs.wildcards import expand
from shared.models.job import Job
from shared.workbook.validation import validate
from tests.builders import a_workbook


def job_of(source_type: str, table_name: str) -> Job:
    report = validate(a_workbook({"source_type": source_type, "table_name": table_name}))
    assert report.configuration, report.problems
    (job,) = report.configuration.jobs
    return job


@pytest.mark.parametrize("table_name", ["EMPLOYEES", "Employees", "employees"])
def test_case_does_not_count_in_a_name_of_oracle(table_name: str) -> None:
    assert job_of("Oracle", table_name).table_name == "employees"
    assert job_of("PostgreSQL", table_name).table_name == table_name


def test_a_name_in_quotes_is_kept() -> None:
    assert job_of("Oracle", '"Employees"').table_name == '"Employees"'
    assert dataset_path(job_of("Oracle", '"Employees"')) != dataset_path(job_of("Oracle", "employees"))


def test_a_row_of_its_own_wins_over_a_wildcard_in_any_case() -> None:
    own, wildcard = job_of("Oracle", "EMPLOYEES"), job_of("Oracle", "EMP*")
    assert [one.table_name for one in expand(wildcard, ["employees", "emp"], {dataset_path(own)})] == ["emp"]
