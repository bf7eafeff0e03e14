"""What a new version changes."""

from __future__ import annotations

import pytest

from shared.activation.changes import CellChange, changes_between, unconfirmed_removal
from shared.models.job import Request, Source
from shared.workbook.configuration import Configuration
from tests.builders import a_job


def test_jobs_that_came_went_and_were_switched_are_distinguished() -> None:
    before = Configuration(jobs=(a_job(job_id="a"), a_job(job_id="b"), a_job(job_id="c", enabled=False)))
    after = Configuration(jobs=(a_job(job_id="b", enabled=False), a_job(job_id="c"), a_job(job_id="d")))
    changes = changes_between(before, after)
    assert (changes.added, changes.removed, changes.enabled, changes.disabled) == (("d",), ("a",), ("c",), ("b",))
    assert changes.summary() == "1 added, 1 removed, 1 enabled, 1 disabled"


def _jobs(names: str, *confirmed_by: str) -> Configuration:
    requests = tuple(Request(request_id=name, action="remove_jobs") for name in confirmed_by)
    return Configuration(jobs=tuple(a_job(job_id=name) for name in names), requests=requests)


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [
        ("abcd", "", True),
        ("abcd", "a", True),
        ("abcd", "efghij", True),  # the file of another team
        ("abcd", "ab", False),
        ("abc", "cde", True),
        ("ab", "cd", False),  # the first examples
        ("a", "", True),
        ("", "", False),
    ],
)
def test_a_workbook_without_most_of_the_jobs_is_refused(before: str, after: str, is_refused: bool) -> None:
    assert (unconfirmed_removal(_jobs(before), _jobs(after)) is not None) is is_refused


def test_what_would_be_removed_is_named_with_the_way_out() -> None:
    problem = unconfirmed_removal(_jobs("abcdefgh"), _jobs("h"))
    assert str(problem) == (
        "SourceConfig: the workbook removes 7 of the 8 active jobs (a, b, c, d, e and 2 more). If that is meant, add a "
        "row to the sheet Requests: a request_id that is new, action remove_jobs, the rest blank"
    )


def test_a_confirmation_counts_once() -> None:
    assert unconfirmed_removal(_jobs("abcd"), _jobs("a", "yes")) is None
    assert unconfirmed_removal(_jobs("abcd", "yes"), _jobs("a", "yes")) is not None
    assert unconfirmed_removal(_jobs("abcd", "yes"), _jobs("a", "yes", "again")) is None


def test_each_changed_value_is_shown_before_and_after() -> None:
    before = Configuration(jobs=(a_job(chunk_size=5),))
    after = Configuration(jobs=(a_job(chunk_size=6, tags=("x",)),), sources=(Source(source_name="s", auth="password"),))
    assert changes_between(before, after).changed == (
        CellChange(sheet="SourceConfig", row="pg_orders_full", column="chunk_size", before=5, after=6),
        CellChange(sheet="SourceConfig", row="pg_orders_full", column="tags", before=[], after=["x"]),
    )


def test_a_source_that_gets_a_row_changes_from_the_defaults() -> None:
    after = Configuration(sources=(Source(source_name="s", max_concurrent_jobs=2),))
    assert changes_between(Configuration(), after).changed == (
        CellChange(sheet="Sources", row="s", column="max_concurrent_jobs", before=None, after=2),
    )


def test_new_requests_are_named() -> None:
    old, new = (Request(request_id=name, job_id="a", action="run") for name in ("old", "new"))
    changes = changes_between(Configuration(requests=(old,)), Configuration(requests=(old, new)))
    assert changes.requests == ("new",)


def test_a_job_that_only_moved_has_not_changed() -> None:
    changes = changes_between(Configuration(jobs=(a_job(row=2),)), Configuration(jobs=(a_job(row=9),)))
    assert changes.summary() == "no changes"
