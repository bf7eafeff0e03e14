"""Where the time of a run went, from the rows of its jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runs.timeline import Span, instance_seconds, timeline

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_row(job_id: str = "a", start: float = 0, end: float | None = 10, **fields: Any) -> dict[str, Any]:
    row = {"job_id": job_id, "status": "SUCCESS", "attempt": 1, "lane": 0, "start_time": at(start)}
    return row | ({} if end is None else {"end_time": at(end)}) | fields


def spans(*rows: dict[str, Any], now: float = 100) -> list[tuple[str, int, int, str, float, float]]:
    def second(time: datetime) -> float:
        return (time - START).total_seconds()

    return [
        (one.job_id, one.lane, one.attempt, one.what, second(one.start_time), second(one.end_time))
        for one in timeline(rows, START, at(now))
    ]


def test_a_job_waits_for_its_lane_then_starts_reads_and_writes() -> None:
    stages = {"extract": 4.0, "normalize": 1.0, "load": 2.0, "total": 9.0}
    first, second = a_row("a"), a_row("b", start=10, end=20, duration_by_stage=stages)
    assert spans(first, second) == [
        ("a", 0, 1, "starting", 0, 10),
        ("b", 0, 1, "waiting", 0, 10),
        ("b", 0, 1, "starting", 10, 13),
        ("b", 0, 1, "reading", 13, 17),
        ("b", 0, 1, "writing", 17, 20),
    ]


def test_attempts_before_the_last_one_are_shown_with_the_waits_between() -> None:
    earlier = [
        {
            "attempt": 1,
            "start_time": "2026-01-01T00:00:01Z",
            "end_time": "2026-01-01T00:00:03Z",
            "error_kind": "transient",
        }
    ]
    row = a_row(start=33, end=40, attempt=2, earlier_attempts=earlier, duration_by_stage={"extract": 7.0})
    assert spans(row) == [
        ("a", 0, 1, "waiting", 0, 1),
        ("a", 0, 1, "trying", 1, 3),
        ("a", 0, 2, "waiting", 3, 33),
        ("a", 0, 2, "reading", 33, 40),
    ]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"stage": "starting"}, "starting"),
        ({"stage": "extract"}, "reading"),
        ({"stage": "normalize"}, "writing"),
        ({"stage": "load"}, "writing"),
        ({"stage": "waiting for a slot"}, "waiting"),
    ],
)
def test_what_runs_reaches_to_now(fields: dict[str, Any], what: str) -> None:
    assert spans(a_row(end=None, status="RUNNING", **fields), now=50) == [("a", 0, 1, what, 0, 50)]


def test_a_job_between_two_attempts_waits_until_now() -> None:
    row = a_row(end=None, status="WAITING", next_attempt=2)
    assert spans(row, now=30) == [("a", 0, 2, "waiting", 0, 30)]


def test_rows_of_earlier_versions_get_lanes_in_which_nothing_overlaps() -> None:
    rows = [a_row(name, start=start, end=start + 10, lane=None) for name, start in (("a", 0), ("b", 5), ("c", 12))]
    assert {span[0]: span[1] for span in spans(*rows)} == {"a": 0, "b": 1, "c": 0}


def test_a_job_that_its_sources_quiet_hours_keep_out_was_never_part_of_the_run() -> None:
    assert spans(a_row(status="SKIPPED", error_kind="quiet_hours")) == []


def test_jobs_at_once_share_an_instance_until_its_slots_are_full() -> None:
    def alone(job_id: str) -> Span:
        return Span(job_id, 0, 1, "reading", START, at(10))

    assert instance_seconds([alone("a")], 4) == {"a": 10}
    assert instance_seconds([alone("a"), alone("b")], 4) == {"a": 5, "b": 5}
    five = instance_seconds([alone(name) for name in "abcde"], 4)
    assert sum(five.values()) == pytest.approx(20)
    assert instance_seconds([Span("a", 0, 1, "waiting", START, at(10))], 4) == {}


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50), st.integers(0, 50)), max_size=12), st.integers(1, 5)
)
def test_the_jobs_together_bear_what_the_run_needs(times: list[tuple[str, int, int]], slots: int) -> None:
    found = [Span(job, 0, 1, "reading", at(start), at(start + length)) for job, start, length in times]
    needed = sum(
        -(-sum(start <= second < start + length for _, start, length in times) // slots) for second in range(101)
    )
    assert sum(instance_seconds(found, slots).values()) == pytest.approx(needed)
