"""A dataset with a history of loads, compactions and faults, and what it must be after each of them."""

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

from shared.errors.hierarchy import LakeError, LeaseLostError
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

    def load_often(self, number: int, count: int = 1) -> None:
        """So many loads, a quarter of an hour apart, each of which adds some rows."""
        for _ in range(number):
            self.now += 900
            self.load(count, False, True, "")

    @contextmanager
    def slow_load(self, writes_first: bool) -> Iterator[None]:
        """An attempt that finds, when it would commit, that there was another commit in the meantime; it gives way.

        Args:
            writes_first: Whether its file is there before that.
        """
        self.now += 5
        slow, late = self.begin(), f"{self.now:f}"
        slow.session.order = LoadOrder({TABLE: 1}, {}, self.loads[-1])
        if writes_first:
            slow.write_rows(TABLE, late, 0, [(99, 99)])
        self.now += 1
        yield
        if not writes_first:
            slow.write_rows(TABLE, late, 0, [(99, 99)])
        with pytest.raises(LeaseLostError):
            slow.complete_load(late)
        self.now += 5
        self.begin()

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
