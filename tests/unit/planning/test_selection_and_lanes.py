"""Which jobs a run takes, and how they are dealt to lanes."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.models.job import Job, Request
from shared.models.run import JobOptions, LastRun, RunRequest
from shared.planning.lanes import deal
from shared.planning.selection import problems_of, select
from shared.workbook.configuration import Configuration
from tests.builders import a_job

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def a_request(*job_ids: str, **fields: Any) -> RunRequest:
    """A request by hand, but for what is named."""
    return RunRequest(**({"run_id": "run-1", "trigger": "http", "requested_at": NOW, "job_ids": job_ids} | fields))


def jobs_of(*job_ids: str, **fields: Any) -> tuple[Job, ...]:
    return tuple(a_job(job_id=job_id, table_name=job_id, **fields) for job_id in job_ids)


@st.composite
def jobs_and_seconds(draw: st.DrawFn) -> tuple[list[Job], dict[str, LastRun]]:
    """Jobs of a few sources, some of which ran before."""
    sources = draw(st.lists(st.sampled_from(["crm", "erp", "shop"]), max_size=20))
    priorities = draw(st.lists(st.integers(1, 3), min_size=len(sources), max_size=len(sources)))
    jobs = [
        a_job(job_id=f"job_{number}", source_name=source_name, priority=priority)
        for number, (source_name, priority) in enumerate(zip(sources, priorities, strict=True))
    ]
    known = draw(st.dictionaries(st.sampled_from([job.job_id for job in jobs] or ["none"]), st.floats(0, 3600)))
    return jobs, {job_id: LastRun(NOW, seconds) for job_id, seconds in known.items()}


@given(jobs_and_seconds(), st.dictionaries(st.sampled_from(["crm", "erp"]), st.integers(1, 5)), st.integers(1, 5))
def test_every_job_is_dealt_once_to_a_lane_of_its_source_within_the_limit(
    known: tuple[list[Job], dict[str, LastRun]], concurrency: dict[str, int], default: int
) -> None:
    jobs, last_runs = known
    lanes = deal(jobs, concurrency, default, last_runs)
    assert Counter(job_id for lane in lanes for job_id in lane.job_ids) == Counter(job.job_id for job in jobs)
    source_of = {job.job_id: job.source_name for job in jobs}
    assert all(source_of[job_id] == lane.source_name for lane in lanes for job_id in lane.job_ids)
    assert all(lane.job_ids for lane in lanes)
    for source_name, count in Counter(lane.source_name for lane in lanes).items():
        jobs_of_source = sum(job.source_name == source_name for job in jobs)
        assert count == min(concurrency.get(source_name, default), jobs_of_source)


@given(jobs_and_seconds(), st.integers(1, 5))
def test_the_lanes_of_a_source_differ_by_no_more_than_its_longest_job(
    known: tuple[list[Job], dict[str, LastRun]], concurrency: int
) -> None:
    jobs, last_runs = known
    expected = {job.job_id: max(last_runs.get(job.job_id, LastRun(NOW, 1.0)).seconds, 0.1) for job in jobs}
    seconds: dict[str, list[float]] = defaultdict(list)
    for lane in deal(jobs, {}, concurrency, last_runs):
        seconds[lane.source_name].append(sum(expected[job_id] for job_id in lane.job_ids))
    for source_name, lanes in seconds.items():
        longest = max(expected[job.job_id] for job in jobs if job.source_name == source_name)
        assert max(lanes) - min(lanes) <= longest + 1e-6


@given(jobs_and_seconds(), st.integers(1, 5))
def test_within_a_lane_jobs_go_by_priority_then_the_longest_first(
    known: tuple[list[Job], dict[str, LastRun]], concurrency: int
) -> None:
    jobs, last_runs = known
    rank = {job.job_id: (job.priority, -max(last_runs.get(job.job_id, LastRun(NOW, 1.0)).seconds, 0.1)) for job in jobs}
    for lane in deal(jobs, {}, concurrency, last_runs):
        ranks = [rank[job_id] for job_id in lane.job_ids]
        assert ranks == sorted(ranks)


@given(jobs_and_seconds(), st.randoms())
def test_the_order_of_the_rows_makes_no_difference(known: tuple[list[Job], dict[str, LastRun]], random: Any) -> None:
    jobs, last_runs = known
    shuffled = list(jobs)
    random.shuffle(shuffled)
    assert deal(shuffled, {}, 3, last_runs) == deal(jobs, {}, 3, last_runs)


def test_a_job_takes_its_options_into_its_lane() -> None:
    jobs = [*jobs_of("plain", "backfilled"), *jobs_of("stubborn", max_attempts=9)]
    (lane,) = deal(jobs, {}, 1, options={"backfilled": JobOptions(start="1", end="9")})
    assert lane.options == {"backfilled": JobOptions(start="1", end="9"), "stubborn": JobOptions(max_attempts=9)}


def test_a_run_takes_all_enabled_jobs() -> None:
    configuration = Configuration(jobs=(*jobs_of("a", "b"), *jobs_of("off", enabled=False)))
    assert [job.job_id for job in select(a_request(), configuration, NOW).jobs] == ["a", "b"]


def test_a_run_takes_the_jobs_it_names_or_tags() -> None:
    configuration = Configuration(jobs=(*jobs_of("a", "b"), *jobs_of("c", tags=("night",))))
    assert [job.job_id for job in select(a_request("b", "a"), configuration, NOW).jobs] == ["a", "b"]
    assert [job.job_id for job in select(a_request(tags=("night",)), configuration, NOW).jobs] == ["c"]


def test_everything_that_a_request_names_wrongly_is_reported() -> None:
    configuration = Configuration(jobs=(*jobs_of("a"), *jobs_of("off", enabled=False, row=7)))
    assert problems_of(a_request("a"), configuration) == []
    assert problems_of(a_request("a", "nowhere", "off", tags=("nightly",)), configuration) == [
        "job_ids: 'nowhere' is not a job of the active workbook",
        "job_ids: 'off' is disabled in the workbook (row 7, enabled = N)",
        "tags: no job has the tag 'nightly'",
    ]


def test_a_scheduled_wildcard_is_due_again_once_its_time_has_come_since_one_of_its_tables_ran() -> None:
    configuration = Configuration(jobs=(a_job(job_id="all", table_name="*", schedule="0 3 * * *"),))
    tick, activated_at = NOW.replace(hour=4), NOW.replace(year=NOW.year - 1)
    request = a_request(trigger="timer", requested_at=tick)
    after, before = (LastRun(tick.replace(hour=hour), 1.0) for hour in (3, 2))
    assert select(request, configuration, activated_at, {"all.a": before, "all.b": after}).not_due == 1
    assert len(select(request, configuration, activated_at, {"all.a": before}).jobs) == 1
    assert len(select(request, configuration, activated_at).jobs) == 1


def test_a_run_of_orders_does_those_that_it_has_claimed_and_nothing_else() -> None:
    orders = (
        Request(request_id="r1", job_id="a", action="full_refresh"),
        Request(request_id="r2", job_id="b", action="backfill", start="1", end="9"),
        Request(request_id="r3", job_id="c", action="run"),
    )
    configuration = Configuration(jobs=jobs_of("a", "b", "c"), requests=orders)
    request = a_request(trigger="blob", request_ids=("r1", "r2"))
    selection = select(request, configuration, NOW, order_ids=["r1", "r2"])
    assert [job.job_id for job in selection.jobs] == ["a", "b"]
    assert selection.options == {"a": JobOptions(full_refresh=True), "b": JobOptions(start="1", end="9")}
    assert select(request, configuration, NOW, order_ids=[]).jobs == []
