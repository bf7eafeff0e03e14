"""One cell, one row or one dataset that is not foreseen never keeps the others from being judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.workbook import job_rules, structured_kinds
from shared.workbook.validation import MAX_PROBLEMS, validate
from tests.builders import a_workbook


def test_a_filter_that_the_parser_stumbles_over_is_a_problem_of_its_cell() -> None:
    row = {"source_type": "MSSQL", "enabled": "N", "query_filter": "HASHBYTES('MD5') = 0x0"}
    (problem,) = validate(a_workbook(row, {"load_type": "FULL"})).problems
    assert str(problem).startswith("SourceConfig!L2 query_filter: 'HASHBYTES('MD5') = 0x0' cannot be understood")


def test_a_kind_that_breaks_is_a_problem_of_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_text: str) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(structured_kinds, "_wrong_with_schedule", broken)
    problems = validate(a_workbook({"schedule": "0 2 * * *"}, {"load_type": "INCR"})).problems
    assert [str(problem).partition(";")[0] for problem in problems] == [
        "SourceConfig!Z2 schedule: '0 2 * * *' cannot be read as cron, 5 fields (KeyError)",
        "SourceConfig!F3 load_type: 'INCR' is not one of FULL, INCREMENTAL",
    ]


def test_a_rule_that_breaks_is_a_problem_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if row["job_id"] == "job_1":
            raise ZeroDivisionError
        yield from ()

    monkeypatch.setattr(job_rules, "ERRORS", (broken, *job_rules.ERRORS))
    (problem,) = validate(a_workbook({}, {})).problems
    assert str(problem).startswith("SourceConfig!A2 job_id: the row cannot be judged (ZeroDivisionError)")


def test_a_workbook_that_breaks_the_judge_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.workbook.validation.check_jobs", lambda *_: 1 / 0)
    (problem,) = validate(a_workbook({})).problems
    assert "The workbook cannot be judged (ZeroDivisionError)" in str(problem)


@pytest.mark.parametrize(
    ("outer", "inner", "says"),
    [
        (
            {"table_name": "orders"},
            "raw/shop_pg_orders",
            "within the dataset lake/raw/shop_pg_orders, which job 'job_1'",
        ),
        ({"table_name": "orders"}, "RAW/shop_pg_orders/deep/er", "within the dataset lake/raw/shop_pg_orders"),
        ({"table_name": "ord*"}, "raw/shop_pg_orders/x", "within the dataset lake/raw/shop_pg_orders"),
    ],
    ids=["in it", "deep in it", "in one of a wildcard"],
)
def test_a_dataset_within_another_is_refused(outer: dict[str, object], inner: str, says: str) -> None:
    rows: list[dict[str, object]] = [{"target_folder_path": "raw"} | outer, {"target_folder_path": inner}]
    for order in (rows, rows[::-1]):
        (problem,) = validate(a_workbook(*order)).problems
        assert (problem.column, problem.cell[0]) == ("target_folder_path", "I")
        assert "within the dataset lake/raw/shop_pg_orders" in problem.message
    assert says in str(validate(a_workbook(*rows)).problems[0])


def test_datasets_beside_each_other_and_of_disabled_jobs_are_not_nested() -> None:
    rows = [{"table_name": "orders"}, {"target_folder_path": "raw/shop/shop_pg_orders", "enabled": "N"}]
    assert validate(a_workbook(*rows, {"target_folder_path": "raw/shop_pg"})).configuration is not None


def test_of_very_many_problems_the_first_are_listed() -> None:
    report = validate(a_workbook(*({"load_type": "INCR"} for _ in range(MAX_PROBLEMS + 5))))
    assert len(report.problems) == MAX_PROBLEMS + 1
    assert str(report.problems[-1]) == "5 more are left out; correct these first"
