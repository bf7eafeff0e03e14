"""After the instance ran out of memory, attempts have fewer neighbours for a while."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from shared.isolation.memory import Neighbours, memory_limit, out_of_memory_kills


def test_any_number_of_attempts_run_side_by_side_while_there_is_memory() -> None:
    neighbours = Neighbours()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(neighbours.room(60))


def test_half_as_many_run_after_memory_ran_out_and_the_next_one_waits() -> None:
    neighbours = Neighbours()
    entered = threading.Event()

    def attempt() -> None:
        with neighbours.room(60):
            entered.set()

    with ExitStack() as stack:
        rooms = [stack.enter_context(ExitStack()) for _ in range(4)]
        for room in rooms:
            room.enter_context(neighbours.room(60))
        neighbours.ran_out()
        for room in rooms[:2]:
            room.close()
        thread = threading.Thread(target=attempt)
        thread.start()
        assert not entered.wait(0.05)
        rooms[2].close()
        assert entered.wait(60)
        thread.join()


def test_no_attempt_waits_longer_than_its_own_time() -> None:
    neighbours = Neighbours()
    with neighbours.room(0):
        neighbours.ran_out()
        with neighbours.room(0.01):
            pass


def test_after_a_while_all_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.isolation.memory._FEWER_SECONDS", -1.0)
    neighbours = Neighbours()
    with neighbours.room(0):
        neighbours.ran_out()
        with neighbours.room(60):
            pass


def test_a_limit_is_of_what_is_used_beyond_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.isolation.memory._LOOK_SECONDS", 0.001)
    exceeded = threading.Event()
    used: dict[str, Any] = {"used": 1200.0}
    monkeypatch.setattr("shared.isolation.memory.used_megabytes", lambda: used["used"])
    with memory_limit(256, used_before=1000.0, exceeded=exceeded.set):
        assert not exceeded.wait(0.05)
        used["used"] = 1300.0
        assert exceeded.wait(60)


def test_the_system_s_count_of_kills_is_a_number_where_there_is_one() -> None:
    assert isinstance(out_of_memory_kills(), int | None)
