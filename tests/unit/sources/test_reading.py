"""Readers in threads: everything arrives, little waits, and nothing is left running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from shared.sources.reading import read_ahead

LeftRunning = Callable[[], set[threading.Thread]]


def numbers(start: int, count: int, made: list[int] | None = None) -> Iterator[int]:
    for number in range(start, start + count):
        if made is not None:
            made.append(number)
        yield number


@pytest.fixture
def left_running() -> LeftRunning:
    """Gives the threads that were started during the test and still run."""
    before = set(threading.enumerate())
    return lambda: set(threading.enumerate()) - before


@pytest.mark.parametrize("threads", [1, 2, 7, 30])
@pytest.mark.parametrize("readers", [1, 2, 10])
def test_every_item_of_every_reader_arrives_once(threads: int, readers: int, left_running: LeftRunning) -> None:
    parts = [partial(numbers, n * 100, 100) for n in range(readers)]
    assert sorted(read_ahead(parts, threads)) == list(range(readers * 100))
    assert not left_running()


def test_the_order_of_one_reader_is_kept() -> None:
    assert list(read_ahead([partial(numbers, 0, 1000)], 1)) == list(range(1000))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_is_read_ahead_than_one_item_for_each_thread(threads: int) -> None:
    made: list[int] = []
    parts = [partial(numbers, n * 100, 100, made) for n in range(threads)]
    for taken, _ in enumerate(read_ahead(parts, threads), start=1):
        assert len(made) <= taken + threads


def test_the_next_item_is_made_while_the_consumer_has_one() -> None:
    made_second = threading.Event()

    def reader() -> Iterator[int]:
        yield 1
        made_second.set()
        yield 2

    items = read_ahead([reader], 1)
    assert next(items) == 1
    assert made_second.wait(60)
    assert list(items) == [2]


def test_an_error_of_a_reader_is_raised_and_the_others_end(left_running: LeftRunning) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(read_ahead([partial(failing), *(partial(numbers, 0, 100_000) for _ in range(3))], 4))
    assert not left_running()


def test_a_consumer_that_stops_ends_the_readers(left_running: LeftRunning) -> None:
    items = read_ahead([partial(numbers, 0, 100_000) for _ in range(4)], 3)
    assert next(items) >= 0
    items.close()  # type: ignore[attr-defined]
    assert not left_running()
