"""What the rows of a workbook mean together, and what a blank one or an unchanged template is."""

from __future__ import annotations

from shared.workbook.template import template
from shared.workbook.validation import validate
from tests.builders import a_workbook


def test_all_problems_come_in_one_pass_in_the_order_of_the_cells() -> None:
    report = validate(a_workbook({"load_type": "x", "chunk_size": "y"}, {}, {"job_id": "JOB_1", "enabled": None}))
    assert [f"{problem.cell} {problem.column}" for problem in report.problems] == [
        "F2 load_type",
        "P2 chunk_size",
        "A4 job_id",
        "G4 enabled",
    ]


def test_a_job_id_comes_once_in_any_case() -> None:
    report = validate(a_workbook({"job_id": "orders"}, {"job_id": "ORDERS"}))
    assert [str(problem) for problem in report.problems] == [
        "SourceConfig!A3 job_id: 'ORDERS' is already the name of a job in A2; give each job its own name"
    ]


def test_job_ids_that_would_share_a_pipeline_are_refused() -> None:
    report = validate(a_workbook({"job_id": "orders-a"}, {"job_id": "orders_a"}))
    assert "'orders_a' is too like 'orders-a' in A2" in str(report.problems[0])


def test_two_enabled_jobs_may_not_write_one_dataset() -> None:
    report = validate(a_workbook({"table_name": "orders"}, {"table_name": "Orders"}))
    assert [(problem.cell, problem.column) for problem in report.problems] == [("I3", "target_folder_path")]
    assert "which job 'job_1' in row 2 writes too" in report.problems[0].message


def test_a_disabled_job_may_name_the_dataset_of_another() -> None:
    assert validate(a_workbook({"table_name": "orders"}, {"table_name": "orders", "enabled": "N"})).problems == ()


def test_one_source_name_for_two_kinds_of_system_is_a_warning() -> None:
    report = validate(a_workbook({}, {"source_type": "Oracle", "table_name": "x"}))
    assert "C3 source_name: 'shop_pg' (Oracle) shares the secret source-shop-pg" in str(report.warnings[0])


def test_a_blank_cell_has_the_default_of_its_column() -> None:
    report = validate(a_workbook())
    assert report.configuration is not None
    job = report.configuration.jobs[0]
    assert (job.chunk_size, job.parallelism, job.api_method, job.pagination_type) == (100_000, 1, "GET", "none")


def test_the_template_is_valid_and_loads_nothing_when_it_is_uploaded_unchanged() -> None:
    report = validate(template())
    assert (report.problems, report.warnings) == ((), ())
    assert report.configuration is not None
    assert not any(job.enabled for job in report.configuration.jobs)


def test_an_attempt_may_not_take_as_long_as_the_host_lets_a_function_run() -> None:
    workbook = a_workbook({"timeout_minutes": 28}, {"job_id": "long", "table_name": "long", "timeout_minutes": 29})
    assert validate(workbook).problems == ()
    (problem,) = validate(workbook, max_timeout_minutes=28).problems
    assert "3" in str(problem.cell)
    assert str(problem).endswith(
        "29 is more than 28: the host ends a function at functionTimeout (host.json), which must be two minutes "
        "longer; raise it, or read less at once"
    )
