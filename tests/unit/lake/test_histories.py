"""Any history of a dataset: what an attempt finds of it does not depend on how much of it is listed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors.hierarchy import ClockError, LeaseLostError
from shared.jobs.lake_layout import pipeline_name
from shared.lake import dataset
from shared.lake.load import LoadOrder
from tests.builders import a_job
from tests.simulation.model.lake import ModelClient, Reader
from tests.simulation.storage.blob_clients import BlobServiceClient
from tests.simulation.storage.blob_store import BlobStore
from tests.simulation.storage.lake_files import LakeFiles

TABLE = "orders"
START = 1_799_990_000.5  # the digits of its hours change soon


class BrokenOffError(Exception):
    """The process ends here."""


@dataclass
class History:
    """A dataset, and what it must be."""

    now: float = START
    rows: list[tuple[int, int]] = field(default_factory=list)
    mark: int | None = None
    loads: list[str] = field(default_factory=list)
    late: list[tuple[str, bytes]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job = a_job(table_name=TABLE, load_type="INCREMENTAL", watermark_column="id")
        self.store = BlobStore(lambda: self.now)
        self.store.create_container("lake")
        self.files = LakeFiles(BlobServiceClient(self.store, self._send))
        self.reader = Reader(self.store.containers["lake"], self.job)

    def _send(self, request: str, act: Any) -> Any:
        if request.startswith("list "):
            self.listed.append(request)
        return act()

    def begin(self) -> ModelClient:
        """An attempt that has begun, which must find the dataset as it is."""
        client = ModelClient(self.files, self.job, lambda: None)
        record = client.begin_attempt()
        assert (record["load_id"] if record else None) == (self.loads[-1] if self.loads else None)
        state: Any = client.get_stored_state(pipeline_name(self.job.job_id))
        assert (state.state["mark"] if state else None) == self.mark
        assert (self.reader.manifest_rows() or []) == self.rows
        oldest = self.loads[-dataset.RECENT :][:1]
        left = {name for name in self.reader.data_files() if name.rsplit(".", 2)[0] not in self.loads}
        assert not [name for name in left if not oldest or name > oldest[0]]
        client.session.order = LoadOrder(base_load_id=self.loads[-1] if self.loads else None)
        return client

    def load(self, count: int, replaces: bool, moves: bool, breaks_at: str) -> None:
        """An attempt that loads some rows, and may end before its time."""
        client = self.begin()
        self.now += 2
        load_id, mark = f"{self.now:f}", (self.mark or 0) + count
        rows = [((self.mark or 0) + number + 1, int(self.now)) for number in range(count)]
        client.replaces = replaces or not self.loads
        client.next_state = {"mark": mark}
        client.session.order = LoadOrder({TABLE: count}, {}, self.loads[-1] if self.loads else None)
        client.write_rows(TABLE, load_id, 0, rows)
        for name, step in self._steps(breaks_at, moves).items():
            setattr(client, name, step)
        with suppress(BrokenOffError):
            client.complete_load(load_id)
        if breaks_at in ("data", "state"):
            path = f"{self.job.target_folder_path}/shop_pg_{TABLE}/{TABLE}/{load_id}.1.parquet"
            self.late.append((path, b"[[0, 0]]"))
            return
        self.rows = rows if client.replaces else self.rows + rows
        self.mark = mark if moves else self.mark
        self.loads.append(load_id)

    @staticmethod
    def _steps(breaks_at: str, moves: bool) -> dict[str, Any]:
        def end(*_: Any) -> None:
            raise BrokenOffError

        steps = {"data": "_store_current_state", "state": "_store_load", "record": "_finish_load"}
        broken: dict[str, Any] = {steps[breaks_at]: end} if breaks_at in steps else {}
        return broken if moves else {"_store_current_state": lambda _load_id: None, **broken}

    def arrive(self) -> None:
        """A file comes whose load was given up long ago."""
        if self.late:
            name, content = self.late.pop(0)
            self.store.put("lake", name, content, {}, True, None)


PAUSES = st.sampled_from([1.0, 60.0, 900.0, 9_000.0, 90_000.0, 3_000_000.0])
LOADS = st.tuples(
    st.integers(0, 3),
    st.integers(0, 9).map(lambda dice: dice == 0),
    st.booleans(),
    st.sampled_from(["", "", "", "", "data", "state", "record"]),
)
STEPS = st.lists(st.one_of(LOADS, LOADS, LOADS, PAUSES, st.just("late")), min_size=8, max_size=40)


@contextmanager
def a_history(small: int = 0) -> Iterator[History]:
    """A history with a clock of its own; datasets of more than `small` files are listed in part."""
    history = History()
    clock = SimpleNamespace(time=lambda: history.now)
    modules = ("shared.lake.dataset.time", "shared.lake.commit.time")
    with patch.object(dataset, "SMALL", small), patch(modules[0], clock), patch(modules[1], clock):
        yield history


def lived(steps: list[Any], small: int) -> History:
    with a_history(small) as history:
        for step in steps:
            if step == "late":
                history.arrive()
            elif isinstance(step, float):
                history.now += step
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


def test_what_is_listed_does_not_grow() -> None:
    counts = []
    for number in (8, 200):
        with a_history() as history:
            for _ in range(number):
                history.now += 900
                history.load(1, False, True, "")
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
        for _ in range(12):
            history.now += 900
            history.load(1, False, True, "")
        history.now += 3_000_000
        history.load(1, False, True, "")
        history.now -= 2_999_000
        client = ModelClient(history.files, history.job, lambda: None)
        with pytest.raises(ClockError):
            client.begin_attempt()


def test_a_load_that_commits_while_an_attempt_runs_is_noticed() -> None:
    with a_history() as history:
        for _ in range(12):
            history.now += 900
            history.load(1, False, True, "")
        history.now += 5
        slow = history.begin()
        slow.session.order = LoadOrder({TABLE: 1}, {}, history.loads[-1])
        slow.write_rows(TABLE, f"{history.now:f}", 0, [(99, 99)])
        late = f"{history.now:f}"
        history.now += 1
        history.load(1, False, True, "")
        with pytest.raises(LeaseLostError):
            slow.complete_load(late)
        history.now += 5
        history.begin()
