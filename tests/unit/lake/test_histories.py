"""Any history of a dataset: what an attempt finds of it does not depend on how much of it is listed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors.hierarchy import ClockError, LakeError, LeaseLostError
from shared.jobs.lake_layout import COMPACTION, pipeline_name
from shared.lake import dataset
from shared.lake.load import LoadOrder
from shared.lake.transfer import remove
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
    compactions: list[str] = field(default_factory=list)
    late: list[tuple[str, bytes]] = field(default_factory=list)
    arrived: set[str] = field(default_factory=set)
    is_watched: bool = False
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
        result = act()
        if self.is_watched:
            self.assert_whole()
        return result

    def assert_whole(self) -> None:
        """A reader that takes the files of the manifest finds each row once."""
        assert sorted(self.reader.manifest_rows() or []) == sorted(self.rows)

    def begin(self) -> ModelClient:
        """An attempt that has begun, which must find the dataset as it is."""
        client = ModelClient(self.files, self.job, lambda: None)
        record = client.begin_attempt()
        assert (record["load_id"] if record else None) == (self.loads[-1] if self.loads else None)
        state: Any = client.get_stored_state(pipeline_name(self.job.job_id))
        assert (state.state["mark"] if state else None) == self.mark
        self.assert_whole()
        oldest = sorted(self.loads + self.compactions)[-dataset.RECENT :][:1]
        left = self.reader.data_files() - self.reader.manifest_files()
        assert not [name for name in left if name not in self.arrived or not oldest or name > oldest[0]]
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
            self.arrived.add(name.rpartition("/")[2])

    def compact(self, most_bytes: int, pause: str = "", meanwhile: Callable[[], None] | None = None) -> None:
        """A compaction, and what happens when it is about to do a step: it ends there if nothing else does."""
        client = self.begin()
        self.now += 2

        def step(name: str, act: Any) -> Any:
            def paused(*arguments: Any) -> Any:
                nonlocal pause
                if name != pause:
                    return act(*arguments)
                pause = ""
                if meanwhile is None:
                    raise BrokenOffError
                self.is_watched = False
                meanwhile()
                return act(*arguments)

            return paused

        for name in ("_fetched", "_measured", "_refuse_to_follow", "_commit", "_write_manifest"):
            setattr(client, name, step(name, getattr(client, name)))
        removing = patch("shared.lake.compaction.remove", step("remove", remove))
        self.is_watched = True
        with (
            removing,
            TemporaryDirectory() as folder,
            suppress(BrokenOffError, LeaseLostError, LakeError, FileNotFoundError),
        ):
            client.compact(TABLE, most_bytes, self._join, Path(folder), math.inf)
        self.is_watched = False
        self.compactions = sorted(record["load_id"] for record in self.reader.records() if COMPACTION in record)

    def fold(self, keep_seconds: float, breaks_after: int) -> None:
        """Old records are removed, and the process may end meanwhile; a manifest that is lost is made again."""
        client = self.begin()
        self.now += 1
        delete, left = client._delete_file, iter(range(breaks_after))

        def deleted(path: str) -> None:
            if next(left, None) is None:
                raise BrokenOffError
            delete(path)

        with patch.object(client, "_delete_file", deleted), suppress(BrokenOffError):
            client.fold(keep_seconds, math.inf)
        self.assert_whole()

    def lose_manifest(self) -> None:
        """A manifest is gone, as if a user had removed it, and the next load writes it again."""
        self.begin()
        if self.loads:
            name = f"{self.job.target_folder_path}/shop_pg_{TABLE}/{TABLE}/_manifest.json"
            del self.store.containers["lake"][name]
            self.now += 3
            client = ModelClient(self.files, self.job, lambda: None)
            client.begin_attempt()
            self.now += 3
            client.session.order = LoadOrder({TABLE: 0}, {}, self.loads[-1])
            client.next_state = {"mark": self.mark}
            client.complete_load(f"{self.now:f}")
            self.loads.append(f"{self.now:f}")
        self.assert_whole()

    def _join(self, sources: Sequence[Path], folder: Path) -> Iterator[tuple[Path, list[int]]]:
        """Two files of each group: as if columns differed."""
        for numbers in (list(range(0, len(sources), 2)), list(range(1, len(sources), 2))):
            target = folder / f"joined-{numbers[0]}"
            rows = [row for number in numbers for row in json.loads(sources[number].read_bytes())]
            target.write_text(json.dumps(rows))
            self.now += 0.5
            if len(numbers) > 1:
                yield target, numbers


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


@contextmanager
def a_history(small: int = 0) -> Iterator[History]:
    """A history with a clock of its own; datasets of more than `small` files are listed in part."""
    history = History()
    clock = SimpleNamespace(time=lambda: history.now, monotonic=lambda: history.now)
    modules = [f"shared.lake.{name}.time" for name in ("dataset", "commit", "compaction", "folding")]
    with ExitStack() as patches:
        patches.enter_context(patch.object(dataset, "SMALL", small))
        for module in modules:
            patches.enter_context(patch(module, clock))
        yield history


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
        for _ in range(6):
            history.now += 900
            history.load(2, False, True, "")

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
        for _ in range(12):
            history.now += 900
            history.load(1, False, True, "")
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
        for _ in range(6):
            history.now += 900
            history.load(1, False, True, "")
        history.now += 5
        slow, late = history.begin(), f"{history.now:f}"
        slow.session.order = LoadOrder({TABLE: 1}, {}, history.loads[-1])
        history.now += 1
        history.compact(1_000)
        slow.write_rows(TABLE, late, 0, [(99, 99)])
        with pytest.raises(LeaseLostError):
            slow.complete_load(late)
        history.now += 5
        history.begin()


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
