"""Orchestrators are deterministic: a replay asks for what the first time asked for, and nothing reads the world."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchestrators
from orchestrators.ingestion_run import ingestion_run
from orchestrators.source_lane import FREE_INTERRUPTIONS, source_lane
from shared.models.attempt import JobStatus
from shared.models.run import Totals
from tests.unit.orchestrators.recording import (
    CHILD_COMPLETED,
    CHILD_FAILED,
    Action,
    Recording,
    TaskError,
    actions_of,
    input_of,
)
from tests.unit.orchestrators.shapes import REQUEST, a_lane_order, a_plan, a_result
from tests.unit.orchestrators.test_ingestion_run import finished

MODULES = sorted(path for path in Path(orchestrators.__file__).parent.glob("*.py") if path.name != "__init__.py")
PURE_MODULES = {
    "__future__",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "itertools",
    "json",
    "logging",
}
PURE_MODULES |= {"azure.durable_functions", "shared.models.attempt", "shared.models.maintenance", "shared.models.run"}
PURE_MODULES |= {"orchestrators.patience", "typing", "zlib"}
IMPURE = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "__import__"}

OUTCOMES = ["success", "transient", "fatal", "broken", "busy"]


class Outcomes:
    """Answers the attempts of each job with its outcomes in turn, the last one for good."""

    def __init__(self, by_job: dict[str, list[str]]) -> None:
        self.by_job = by_job
        self.attempts: dict[str, list[int]] = defaultdict(list)

    def __call__(self, action: Action) -> dict[str, Any]:
        order = input_of(action)
        job_id, attempt = order["job_id"], order["attempt"]
        self.attempts[job_id].append(attempt)
        outcome = self.of(job_id, len(self.attempts[job_id]))
        if outcome == "broken":
            raise TaskError("The worker is gone.")
        if outcome == "success":
            return a_result(job_id, attempt, rows_written=3)
        if outcome == "busy":
            return a_result(job_id, attempt, JobStatus.SKIPPED, kind="busy")
        return a_result(job_id, attempt, kind="transient" if outcome == "transient" else "source")

    def of(self, job_id: str, number: int) -> str:
        """What the execution with this number brings, counted from 1."""
        outcomes = self.by_job[job_id]
        return outcomes[min(number, len(outcomes)) - 1]

    def expected(self, job_id: str, max_attempts: int) -> tuple[list[int], str]:
        """The attempts that are made, and how the last one ends: a worker's death spends none up to a bound."""
        attempts, attempt, free = [], 1, FREE_INTERRUPTIONS
        while True:
            attempts.append(attempt)
            outcome = self.of(job_id, len(attempts))
            if outcome == "broken" and free:
                free -= 1
            elif outcome in ("transient", "broken") and attempt < max_attempts:
                attempt += 1
            else:
                return attempts, outcome


jobs_with_outcomes = st.dictionaries(
    st.sampled_from("abcdef"), st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4), max_size=6
)


def assert_replays_agree(recording: Recording) -> None:
    """After each episode the orchestrator had asked for the beginning of what it asked for in the end."""
    final = recording.play()["actions"][0]
    length = 0
    for history in recording.prefixes():
        (actions,) = recording.play(history)["actions"]
        assert actions == final[: len(actions)]
        assert len(actions) >= length
        length = len(actions)
    assert length == len(final)


@given(jobs_with_outcomes, st.integers(1, 4), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_lane_does_every_job_and_its_replays_agree(
    by_job: dict[str, list[str]], max_attempts: int, retry_seconds: int
) -> None:
    outcomes = Outcomes(by_job)
    recording = Recording(source_lane, a_lane_order(*by_job, max_attempts=max_attempts, retry_seconds=retry_seconds))
    state = recording.play_to_the_end(outcomes)

    expected = {job_id: outcomes.expected(job_id, max_attempts) for job_id in by_job}
    assert outcomes.attempts == {job_id: attempts for job_id, (attempts, _) in expected.items()}
    ends = [end for _, end in expected.values()]
    succeeded, skipped = ends.count("success"), ends.count("busy")
    totals = Totals.model_validate(state["output"])
    broken = {job_id for job_id, (_, end) in expected.items() if end == "broken"}
    assert {result.job_id for result in totals.unrecorded} == broken
    assert totals.model_copy(update={"unrecorded": ()}) == Totals(
        jobs_total=len(by_job),
        jobs_succeeded=succeeded,
        jobs_skipped=skipped,
        jobs_failed=len(by_job) - succeeded - skipped,
        rows_written=3 * succeeded,
    )
    assert_replays_agree(recording)


@given(
    st.lists(st.lists(st.sampled_from(["success", "fatal"]), min_size=1, max_size=3), max_size=4),
    st.sets(st.integers(0, 3)),
    st.data(),
)
@settings(max_examples=40, deadline=None)
def test_a_run_ends_whatever_its_lanes_do_and_its_replays_agree(
    lanes: list[list[str]], broken: set[int], data: st.DataObject
) -> None:
    names = [tuple(f"job_{number}_{index}" for index in range(len(lane))) for number, lane in enumerate(lanes)]
    recording = Recording(ingestion_run, REQUEST.to_json())
    recording.completed(0, a_plan(*names))
    for number in data.draw(st.permutations(range(len(lanes)))):
        if recording.play()["isDone"]:
            break
        lane = lanes[number]
        good = lane.count("success")
        totals = Totals(jobs_total=len(lane), jobs_succeeded=good, jobs_failed=len(lane) - good)
        if number in broken:
            recording.failed(1 + number, "The lane is gone.", CHILD_FAILED)
        else:
            recording.completed(1 + number, totals.to_json(), CHILD_COMPLETED)
    state = recording.play()
    finish = len(lanes) + 1
    assert actions_of(state)[finish]["functionName"] == "finish_run"
    recording.completed(finish, finished(actions_of(state)[finish]))
    state = recording.play()
    assert state["isDone"]
    all_well = not any("fatal" in lane or number in broken for number, lane in enumerate(lanes))
    assert (state["output"]["status"] == ("SUCCEEDED" if lanes else "SKIPPED")) == all_well
    assert_replays_agree(recording)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_an_orchestrator_reads_no_clock_no_random_and_no_environment(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= PURE_MODULES
    called = {_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called & IMPURE == set()


def _name(function: ast.expr) -> str:
    """The last part of what is called: `now` of `datetime.now()`."""
    return ast.unparse(function).rpartition(".")[2]
