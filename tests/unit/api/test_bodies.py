"""A body that no caller means is answered 400 and said why, whatever is in it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from shared.api.http import read_body
from shared.api.routes.runs import RunBody
from shared.models.run import RunRequest
from shared.planning.selection import LONGEST_NAME, problems_of
from shared.workbook.configuration import Configuration
from tests.unit.orchestrators.recording import START


class Anything(BaseModel, extra="allow"):
    """Takes whatever is sent."""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"job_ids": ["\\ud800"]}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested too deeply"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b"nonsense", "not valid JSON"),
        (b"[]", "must be a JSON object"),
    ],
    ids=["surrogate", "surrogate in a name", "deep", "deep and closed", "not UTF-8", "no JSON", "a list"],
)
def test_a_body_that_cannot_be_read_says_why(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_body(content, Anything)


@pytest.mark.parametrize("name", ["job_ids", "tags"])
def test_an_empty_list_starts_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: the list is empty; leave it out to run every job"):
        read_body(f'{{"{name}": []}}'.encode(), RunBody)
    assert read_body(b"{}", RunBody) == RunBody()


def test_an_error_repeats_no_more_of_a_name_than_is_worth_reading() -> None:
    request = RunRequest(
        run_id="run-1", trigger="http", requested_at=START, job_ids=("x" * 10**6,), tags=("y" * 10**6,)
    )
    assert all(len(problem) < LONGEST_NAME + 100 for problem in problems_of(request, Configuration()))
