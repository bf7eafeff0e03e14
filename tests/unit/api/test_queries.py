"""What a query string may hold, and how the rest is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from azure.functions import HttpRequest

from shared.api.http import query_of, read_query
from shared.api.queries import HistoryQuery, PageQuery, RunsQuery, continuation
from shared.models.run import RunStatus


def test_without_a_query_a_page_has_the_newest_fifty() -> None:
    query = read_query({"code": "a key", "clientId": "its name"}, RunsQuery)
    assert (query.limit, query.after, query.status, query.start, query.end) == (50, None, (), None, None)


def test_a_list_may_be_given_with_commas_as_the_host_joins_repeated_parameters() -> None:
    query = read_query({"status": "FAILED, PARTLY_FAILED,"}, RunsQuery)
    assert query.status == (RunStatus.FAILED, RunStatus.PARTLY_FAILED)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024-01-31T08:00:00Z", 8),
        ("2024-01-31T08:00:00", 8),
        ("2024-01-31T10:00:00+02:00", 8),
        ("2024-01-31T08:00:00 00:00", 8),  # a plus that was not escaped
        ("2024-01-31", 0),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, hour: int) -> None:
    assert read_query({"from": text}, RunsQuery).start == datetime(2024, 1, 31, hour, tzinfo=UTC)


def test_a_continuation_names_the_row_that_a_page_ended_with() -> None:
    assert continuation(None) is None
    token = continuation("8295123456789-run_1.b")
    assert token is not None
    assert read_query({"continuation": token}, RunsQuery).after == "8295123456789-run_1.b"


@pytest.mark.parametrize(
    ("shape", "name", "value", "problem"),
    [
        (RunsQuery, "limit", "0", "limit: '0': Input should be greater than or equal to 1"),
        (RunsQuery, "limit", "501", "limit: '501': Input should be less than or equal to 500"),
        (RunsQuery, "status", " ", "status: ' ': is blank: give a value, or leave the parameter out"),
        (RunsQuery, "status", ",", "status: ',': is blank"),
        (HistoryQuery, "status", "", "status: '': is blank"),
        (RunsQuery, "job_id", " ", "job_id: ' ': String should have at least 1 character"),
        (RunsQuery, "from", "", "from: '': write a time as"),
        (RunsQuery, "limit", "", "limit: '': Input should be a valid integer"),
        (RunsQuery, "limit", "many", "limit: 'many': Input should be a valid integer"),
        (RunsQuery, "status", "DONE", "status: 'DONE': Input should be 'RUNNING', 'SUCCEEDED', 'PARTLY_FAILED', 'FAI"),
        (HistoryQuery, "status", "SUCCEEDED", "status: 'SUCCEEDED': Input should be 'SUCCESS', 'FAILED', 'SKIPPED'"),
        (RunsQuery, "from", "yesterday", "from: 'yesterday': write a time as 2024-01-31T08:00:00Z"),
        (RunsQuery, "to", "1704067200", "to: '1704067200': write a time as"),
        (RunsQuery, "job_id", "", "job_id: '': String should have at least 1 character"),
        (RunsQuery, "continuation", "Zm9v", "continuation: 'Zm9v': give what the page before had"),
        (RunsQuery, "continuation", "ä", "continuation: 'ä': give what the page before had"),
        (HistoryQuery, "state", "FAILED", "state: is not a parameter of this route; it has from, to, limit, continua"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_it_may_be(
    shape: type[PageQuery], name: str, value: str, problem: str
) -> None:
    with pytest.raises(ValueError) as refused:
        read_query({name: value}, shape)
    (detail,) = refused.value.args
    assert detail.startswith(problem)


def test_a_blank_parameter_is_no_missing_one_although_the_host_leaves_it_out() -> None:
    url = "https://app.example.com/api/runs?status=&limit=5&job_id"
    request = HttpRequest("GET", url, params={"limit": "5"}, body=b"")
    assert query_of(request) == {"status": "", "limit": "5", "job_id": ""}


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    with pytest.raises(ValueError) as refused:
        read_query({"limit": "-1", "status": "A,FAILED,B", "x": "1"}, RunsQuery)
    assert len(refused.value.args) == 4
