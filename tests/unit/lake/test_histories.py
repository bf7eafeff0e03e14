"""Any history of a dataset: what an attempt finds of it does not depend on how much of it is listed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors.hierarchy import ClockError
from tests.simulation.model.lake import ModelClient
from tests.unit.lake.history import History, a_history

PAUSES = st.sampled_from([1.0, 60.0, 900.0, 9_000.0, 90_000.0, 3_000_000.0])
LOADS = st.tuples(
    st.integers(0, 3),
    st.integers(0, 9).map(lambda dice: dice == 0),
    st.booleans(),
    st.sampled_from(["", "", "", "", "data", "state", "record"]),
)
COMPACTIONS = st.tuples(
    st.sampled_from([40, 80, 1_000]),
    st.sampled_from(["", "", "_fetched", "_measured", "_refuse_to_follow", "_commit", "_write_manifest", "remove"]),
)
FOLDS = st.tuples(st.just("fold"), st.sampled_from([0.0, 100.0, 10_000.0]), st.sampled_from([0, 1, 2, 5, 1_000]))
STEPS = st.lists(
    st.one_of(LOADS, LOADS, LOADS, COMPACTIONS, FOLDS, PAUSES, st.sampled_from(["late", "late", "lost"])),
    min_size=8,
    max_size=40,
)


def lived(steps: list[Any], small: int) -> History:
    with a_history(small) as history:
        for step in steps:
            if step == "late":
                history.arrive()
            elif step == "lost":
                history.lose_manifest()
            elif isinstance(step, float):
                history.now += step
            elif step[0] == "fold":
                history.fold(*step[1:])
            elif len(step) == 2:
                history.compact(*step)
            else:
                history.load(*step)
            history.now += 3
        history.begin()
    return history


@settings(max_examples=150, deadline=None)
@given(STEPS)
@example([(1, False, True, "")] * 4 + [(1, False, True, "state"), 9_000.0, (1, True, True, "record"), "late"])
def test_an_attempt_finds_the_same_however_little_is_listed(steps: list[Any]) -> None:
    seen = [(history.rows, history.mark) for history in (lived(steps, 0), lived(steps, 10_000))]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("small", [0, 10_000])
@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize(
    "pause", ["_fetched", "_measured", "_refuse_to_follow", "_commit", "_write_manifest", "remove"]
)
def test_a_compaction_that_wakes_up_after_another_load_has_committed(pause: str, replaces: bool, small: int) -> None:
    with a_history(small) as history:
        history.load_often(6, 2)

        def meanwhile() -> None:
            history.now += 900
            history.load(2, replaces, True, "")

        history.now += 900
        history.compact(1_000, pause, meanwhile)
        history.now += 900
        history.compact(1_000)
        history.now += 1
        history.begin()
        assert len(history.reader.manifest_files()) < 5


@pytest.mark.parametrize("breaks_after", [0, 4, 1_000])
def test_a_manifest_that_is_lost_after_old_records_went_is_made_again(breaks_after: int) -> None:
    with a_history() as history:
        history.load_often(12)
        history.now += 900
        history.compact(60)
        history.fold(0, breaks_after)
        removed = 12 + len(history.compactions) - len(history.reader.records())
        assert removed == min(breaks_after, 11)
        history.lose_manifest()
        history.now += 3
        history.begin()


def test_a_load_that_wakes_up_after_a_compaction_gives_way() -> None:
    with a_history() as history:
        history.load_often(6)
        with history.slow_load(writes_first=False):
            history.compact(1_000)


def test_what_is_listed_does_not_grow() -> None:
    counts = []
    for number in (8, 200):
        with a_history() as history:
            history.load_often(number)
            history.listed.clear()
            history.now += 900
            client = history.begin()
        assert client.session.inventory.window
        assert len(client.session.inventory.records) < 25
        assert len(client.session.inventory.data) < 25
        counts.append(len(history.listed))
    assert max(counts) <= 11


def test_a_clock_that_goes_back_is_noticed_although_the_last_load_is_not_listed() -> None:
    with a_history() as history:
        history.load_often(12)
        history.now += 3_000_000
        history.load(1, False, True, "")
        history.now -= 2_999_000
        client = ModelClient(history.files, history.job, lambda: None)
        with pytest.raises(ClockError):
            client.begin_attempt()


def test_a_load_that_commits_while_an_attempt_runs_is_noticed() -> None:
    with a_history() as history:
        history.load_often(12)
        with history.slow_load(writes_first=True):
            history.load(1, False, True, "")
