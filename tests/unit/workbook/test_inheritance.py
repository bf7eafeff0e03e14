"""What blank cells take from the sheets Sources and Defaults, and what placeholders stand for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.activation.changes import changes_between
from shared.models.job import Job
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.configuration import Configuration
from shared.workbook.inheritance import INHERITED
from shared.workbook.template import write_workbook
from shared.workbook.validation import validate

ALL = {"scope": "all", "load_type": "FULL", "enabled": "Y", "target_container": "lake", "target_folder_path": "raw"}
SHOP = {"source_name": "shop_pg", "source_type": "PostgreSQL", "schema_name": "public"}
THREE = {"job_id": "orders", "source_name": "shop_pg", "table_name": "orders"}


def configuration(*rows: dict[str, Any], values: dict[str, str] | None = None, **sheets: Any) -> Configuration:
    content = write_workbook(rows or [THREE], **({"sources": [SHOP], "defaults": [ALL]} | sheets))
    report = validate(content, values=values or {})
    assert report.problems == ()
    assert report.configuration
    return report.configuration


def problems(*rows: dict[str, Any], values: dict[str, str] | None = None, **sheets: Any) -> list[str]:
    content = write_workbook(rows or [THREE], **({"sources": [SHOP], "defaults": [ALL]} | sheets))
    return [str(problem) for problem in validate(content, values=values or {}).problems]


def test_three_cells_a_row_suffice() -> None:
    (job,) = configuration().jobs
    expected = {"source_type": "PostgreSQL", "schema_name": "public", "load_type": "FULL", "enabled": True}
    assert {name: getattr(job, name) for name in expected} == expected
    assert (job.target_container, job.target_folder_path) == ("lake", "raw")
    assert job.origins["schema_name"].startswith("Sources!")
    assert job.origins["target_container"].startswith("Defaults!")
    assert "table_name" not in job.origins


def test_the_columns_that_have_a_default_may_be_missing_in_the_header() -> None:
    import io

    import openpyxl

    workbook = openpyxl.load_workbook(io.BytesIO(write_workbook([THREE], sources=[SHOP], defaults=[ALL])))
    sheet = workbook["SourceConfig"]
    sheet.delete_cols(1, sheet.max_column)
    for row in (list(THREE), list(THREE.values())):
        sheet.append(row)
    sheet.delete_rows(1, sheet.max_row - 2)
    content = io.BytesIO()
    workbook.save(content)
    report = validate(content.getvalue(), values={})
    assert report.problems == ()
    assert report.configuration
    assert report.configuration.jobs[0].enabled


def test_the_nearest_default_counts() -> None:
    scope = {"scope": "PostgreSQL", "schedule": "0 2 * * *", "tags": "pg"}
    own = {**THREE, "tags": "mine"}
    everywhere = {**ALL, "schedule": "0 1 * * *", "tags": "all", "priority": 7}
    source = {**SHOP, "schedule": "0 3 * * *"}
    (job,) = configuration(own, sources=[source], defaults=[everywhere, scope]).jobs
    assert (job.tags, job.schedule, job.priority) == (("mine",), "0 3 * * *", 7)
    (job,) = configuration(defaults=[everywhere, scope]).jobs
    assert (job.tags, job.schedule) == (("pg",), "0 2 * * *")


def test_a_dash_takes_no_default() -> None:
    (job,) = configuration({**THREE, "schedule": "-"}, sources=[{**SHOP, "schedule": "0 3 * * *"}]).jobs
    assert job.schedule is None
    assert any("enabled" in problem for problem in problems({**THREE, "enabled": "-"}))


def test_a_default_that_means_nothing_for_a_job_is_for_others() -> None:
    content = write_workbook([THREE], sources=[{**SHOP, "watermark_column": "updated_at"}], defaults=[ALL])
    report = validate(content, values={})
    assert (report.problems, report.warnings) == ((), ())
    assert report.configuration
    assert report.configuration.jobs[0].watermark_column is None


def test_a_wrong_default_is_one_problem_at_its_own_cell() -> None:
    (problem,) = problems(defaults=[{**ALL, "load_type": "SOMETIMES"}])
    assert problem.startswith("Defaults!")
    assert "'SOMETIMES' is not one of FULL, INCREMENTAL" in problem


def test_a_default_that_does_not_fit_a_job_names_both_cells() -> None:
    (problem,) = problems(
        {**THREE, "load_type": "INCREMENTAL", "watermark_column": "id"}, sources=[{**SHOP, "lookback": 5}]
    )
    assert problem.startswith("SourceConfig!")
    assert "(the value is that of Sources!" in problem


def test_one_scope_has_one_row() -> None:
    assert any("is in Defaults" in problem or "already" in problem for problem in problems(defaults=[ALL, ALL]))


def test_a_placeholder_takes_its_value_in_a_job_a_source_and_the_defaults() -> None:
    found = configuration(
        {**THREE, "tags": "{env}, daily"},
        values={"env": "dev", "unused": "x"},
        sources=[{**SHOP, "schema_name": "{env}_sales", "secret_name": "source-{env}-shop"}],
        defaults=[{**ALL, "target_folder_path": "raw/{env}"}],
    )
    (job,) = found.jobs
    assert (job.tags, job.schema_name, job.target_folder_path) == (("dev", "daily"), "dev_sales", "raw/dev")
    assert found.source("shop_pg").secret_name == "source-dev-shop"
    assert found.values == {"env": "dev"}
    assert job.origins["tags"].endswith("({env} = dev)")


@pytest.mark.parametrize(
    "column", ["target_container", "target_folder_path", "schema_name", "schedule", "tags", "enabled"]
)
def test_an_unknown_placeholder_is_a_problem_with_its_cell(column: str) -> None:
    (problem,) = problems({**THREE, column: "x{env}"}, values={"stage": "dev"})
    assert problem.startswith("SourceConfig!")
    assert "holds {env}, which has no value: the setting WORKBOOK_VALUES has {stage}" in problem


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("query_filter", "tags = '{a}'"),
        ("table_name", "odd{name}"),
        ("excluded_columns", "odd{name}"),
    ],
)
def test_braces_that_mean_something_else_stay(column: str, text: str) -> None:
    (job,) = configuration({**THREE, column: text}, values={"env": "dev"}).jobs
    assert getattr(job, column) in (text, (text,))


def test_placeholders_of_api_jobs_stay_and_those_of_the_setting_are_filled() -> None:
    row = {"job_id": "users", "source_name": "crm_api", "source_type": "API", "api_endpoint": "/{env}/users/{each}"}
    (job,) = configuration({**row, "api_for_each": "list: a, b"}, values={"env": "dev"}, sources=[]).jobs
    assert job.api_endpoint == "/dev/users/{each}"


def test_changes_are_those_of_the_resolved_values() -> None:
    before = configuration(values={"env": "dev"}, defaults=[{**ALL, "target_folder_path": "raw/{env}"}])
    moved = configuration({**THREE, "target_folder_path": "raw/dev"}, values={})
    assert changes_between(before, moved).summary() == "no changes"
    after = configuration(values={"env": "prod"}, defaults=[{**ALL, "target_folder_path": "raw/{env}"}])
    (change,) = changes_between(before, after).changed
    assert (change.row, change.column, change.before, change.after) == (
        "orders", "target_folder_path", "raw/dev", "raw/prod",
    )  # fmt: skip


CELLS: dict[str, list[Any]] = {
    "schema_name": ["public", "sales"],
    "load_type": ["FULL"],
    "target_folder_path": ["raw", "raw/more"],
    "table_format": ["parquet", "delta"],
    "priority": [1, 500],
    "tags": ["daily", "a, b"],
    "schedule": ["0 3 * * *", "*/5 * * * *"],
    "verify": ["Y", "SUMS"],
    "max_attempts": [2],
}
SOME = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CELLS.items()})


@given(job=SOME, source=SOME, kind=SOME, everywhere=SOME)
def test_a_default_is_the_same_as_the_cell_itself(
    job: dict[str, Any], source: dict[str, Any], kind: dict[str, Any], everywhere: dict[str, Any]
) -> None:
    """A workbook with defaults resolves to the jobs of the workbook in which every cell is filled in."""
    (resolved,) = configuration(
        {**THREE, **job},
        sources=[{**SHOP, **source}],
        defaults=[{**ALL, **everywhere}, {"scope": "PostgreSQL", **kind}],
    ).jobs
    whole = {**ALL, **everywhere, **kind, **SHOP, **source, **THREE, **job}
    (plain,) = configuration({name: whole[name] for name in whole if name != "scope"}, sources=[], defaults=[]).jobs
    assert resolved.model_copy(update={"origins": {}}) == plain


def test_every_column_that_is_taken_is_one_of_a_job() -> None:
    assert set(INHERITED) <= {column.name for column in SOURCE_CONFIG.columns}
    assert set(INHERITED) <= set(Job.model_fields)
