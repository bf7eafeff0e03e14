"""Small Parquet files of a table become large ones; readers of the manifest see the same rows before and after.

A compaction commits as a load does: the joined file is written first, then a record in `_dlt_loads` commits it, then
the manifest names it in the place of the files that it has joined, and these go. So what an attempt does after a load
that broke off or died it does after a compaction, too, and a process that wakes up late is fenced off in the same way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.errors.hierarchy import IngestionError, LakeError, ReconciliationError
from shared.lake.commit import CommittingClient
from shared.lake.inventory import LakeFile
from shared.lake.records import compaction_record
from shared.lake.transfer import fetch, remove

MOST_FILES = 5_000
"""Files that become one: a reader that lists `*.parquet` sees their rows twice until the last one is removed."""

_SMALL = 0.75  # of the size that files shall have

Named = Mapping[str, Any]
"""A file in a manifest: path, rows and bytes."""

Join = Callable[[Sequence[Path], Path], Iterator[tuple[Path, list[int]]]]
"""Writes the rows of some files into as few files as their columns allow, in a folder; each with the numbers of the
files that it has the rows of. A file that no other fits is left out."""


@dataclass(frozen=True)
class Compacted:
    """What was done to a table."""

    files_before: int
    files_after: int
    files_removed: int


def small_files(files: Iterable[Named], most_bytes: int) -> Iterator[list[Named]]:
    """The groups of files that are to become one file each, in the order of the manifest.

    Args:
        files: Those of a manifest.
        most_bytes: The size that files shall have; larger than three quarters of it stay as they are.
    """
    group: list[Named] = []
    size = 0
    for file in files:
        if file["bytes"] >= most_bytes * _SMALL:
            continue
        if len(group) == MOST_FILES or size + file["bytes"] > most_bytes:
            yield from [group] if len(group) > 1 else []
            group, size = [], 0
        group.append(file)
        size += file["bytes"]
    if len(group) > 1:
        yield group


class CompactingClient(CommittingClient):
    """A client that can also join the files of a plain Parquet table. After `begin_attempt`."""

    def compact(self, table: str, most_bytes: int, join: Join, folder: Path, until: float) -> Compacted:
        """Join the small files of a table, one file and one commit after the other.

        Args:
            table: Has a manifest.
            most_bytes: The size that files shall have.
            join: How.
            folder: For copies of a group's files.
            until: When to begin no further file, by `time.monotonic`; the next compaction continues.

        Raises:
            LeaseLostError: another run has taken the job over, or the lease is lost.
            LakeError: a file that the manifest names is gone, or the joined one does not hold the rows.
        """
        before, removed = self._files_named(table), 0
        for group in small_files(before, most_bytes):
            if time.monotonic() >= until:
                break
            with TemporaryDirectory(prefix="compaction-", dir=folder) as copies:
                for joined, numbers in join(self._fetched(table, group, Path(copies)), Path(copies)):
                    self._take_place(table, joined, [group[number] for number in numbers])
                    removed += len(numbers)
        after = len(self._files_named(table)) if removed else len(before)
        return Compacted(len(before), after, removed)

    def _files_named(self, table: str) -> list[Named]:
        manifest = self._read_manifest(table)
        return json.loads(manifest[0])["files"] if manifest else []

    def _fetched(self, table: str, group: Sequence[Named], folder: Path) -> list[Path]:
        paths = [self._path_in(table, file["path"]) for file in group]
        try:
            return fetch(self.fs_client, paths, folder)
        except FileNotFoundError as error:
            self.session.before_commit()  # another run that has taken the job over may have replaced the table
            raise LakeError(
                f"The manifest of table '{table}' names a file that is not there ({error}); the table was left as it "
                "is. Bring the file back, or request a full refresh of the job."
            ) from None

    def _take_place(self, table: str, joined: Path, group: Sequence[Named]) -> None:
        """Commit one file in the place of those that it has joined."""
        load_id = f"{time.time():f}"
        path = self._path_in(table, f"{load_id}.{sha256(load_id.encode()).hexdigest()[:10]}.parquet")
        manifest = self._read_manifest(table)
        self.fs_client.put_file(str(joined), path)
        try:
            inventory = self.dataset.at_commit(self.session.inventory, load_id, [table])
            self._refuse_to_follow(inventory.newest_record, load_id)
            file = self._measured(LakeFile(path, table, load_id, joined.stat().st_size))
            record = self._record_of(table, load_id, file, group)
            self.session.before_commit()
            self._commit(record)
        except IngestionError:  # nothing is committed, and never will be
            remove(self.fs_client, [path])
            raise
        self._write_manifest(table, inventory, record, manifest)
        remove(self.fs_client, [self._path_in(table, one["path"]) for one in group])
        committed = LakeFile(self._record_path(load_id), self.dataset.own_tables[0], load_id, 1)
        known = self.session.inventory
        self.session.inventory = replace(known, records=(*known.records, committed), last_record=record)

    def _record_of(self, table: str, load_id: str, file: Named, group: Sequence[Named]) -> dict[str, Any]:
        rows = sum(one["rows"] for one in group)
        if file["rows"] != rows:
            raise ReconciliationError(
                f"Table '{table}': {len(group)} files with {rows} rows were joined but the new file holds "
                f"{file['rows']}; nothing was committed and the table is as it was before."
            )
        own = {
            "load_id": load_id,
            "inserted_at": datetime.now(UTC).isoformat(),
            "tables": {table: {"replaced": False, "files": [file], "joined": [one["path"] for one in group]}},
            "dataset": self.dataset.named(self.session.inventory, self.session.inventory.newest_state),
        }
        return compaction_record(self._newest_record(), own)

    def _newest_record(self) -> Mapping[str, Any]:
        newest = self.session.inventory.newest_record
        assert newest, "a table with a manifest has been loaded"
        return self.session.inventory.last_record or self._read_json(newest.path)

    def _path_in(self, table: str, path: str) -> str:
        return str(self.pathlib.join(self.dataset_path, table, path))
