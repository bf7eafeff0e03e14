"""Which loads are committed, which are given up, and in which order they come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.errors.hierarchy import ClockError
from shared.lake.inventory import Inventory, LakeFile, refuse_earlier


def a_file(load_id: str, table: str = "orders") -> LakeFile:
    return LakeFile(f"lake/{table}/{load_id}.parquet", table, load_id, 10)


@pytest.mark.parametrize(
    ("load_id", "committed"),
    [
        pytest.param("200.0", True, id="it has a record"),
        pytest.param("300.0", False, id="it has none"),
        pytest.param("100.0", True, id="older than the oldest record: committed before records were pruned"),
        pytest.param("150.0", False, id="void, and older than the oldest record"),
    ],
)
def test_whether_a_load_is_committed(load_id: str, committed: bool) -> None:
    inventory = Inventory(data=(a_file(load_id),), records=(a_file("200.0"),), void=frozenset({"150.0"}))
    assert inventory.committed(load_id) is committed
    assert inventory.abandoned() == ([] if committed else [a_file(load_id)])


def test_what_is_older_than_the_first_load_was_never_committed() -> None:
    inventory = Inventory(data=(a_file("100.0"),), records=(a_file("200.0"),), is_whole=True)
    assert inventory.has_older
    assert inventory.abandoned() == [a_file("100.0")]


class Counted(tuple[LakeFile, ...]):
    """Records that count how often all of them are looked at."""

    looks: list[int]

    def __iter__(self) -> Iterator[LakeFile]:
        self.looks.append(1)
        return super().__iter__()


def test_the_verdict_looks_at_the_records_once_however_many_loads_there_are() -> None:
    records = Counted(a_file(f"{number}.0") for number in range(2_000))
    records.looks = []
    inventory = Inventory(data=(*records, a_file("5000.0")), records=records)
    records.looks.clear()
    assert inventory.abandoned() == [a_file("5000.0")]
    assert len(records.looks) == 1


def test_before_the_first_record_nothing_is_committed() -> None:
    assert not Inventory().committed("100.0")


def test_state_is_that_of_the_newest_committed_load_by_time_not_by_text() -> None:
    states = (a_file("999.0"), a_file("1000.5"), a_file("1001.0"))
    records = (a_file("999.0"), a_file("1000.5"))
    assert Inventory(states=states, records=records).newest_state == states[1]


@pytest.mark.parametrize("load_id", ["1700000000.0", "1699999999.9"])
def test_a_load_that_is_not_later_than_the_last_is_refused(load_id: str) -> None:
    with pytest.raises(ClockError, match="2023-11-14T22:13:20") as raised:
        refuse_earlier(load_id, "1700000000.0")
    assert raised.value.retryable


def test_a_later_load_is_not_refused() -> None:
    refuse_earlier("1700000000.1", "1700000000.0")
