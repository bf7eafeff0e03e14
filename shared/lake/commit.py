"""A filesystem client whose loads are all or nothing: new files first, then the commit, then the old files go.

Plain dlt deletes the old files of a replaced table before it loads the new ones, and a crash leaves files of a load
that never committed, beside which the next attempt appends. Here a load is committed by one blob, its record in
`_dlt_loads`; whatever belongs to no committed load is removed by the next attempt of the same job, and by it alone,
because no two jobs share a dataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, ClassVar

from dlt.common.destination.client import StateInfo
from dlt.destinations.impl.filesystem.filesystem import FILENAME_SEPARATOR, FilesystemClient

from shared.errors import ReconciliationError

_DATA_FILE = re.compile(r"(?P<load_id>\d+\.\d+)\.[^.]+\..+")  # {load_id}.{file_id}.{extension}


@dataclass
class LoadCommit:
    """What the pipeline tells the client about the load that is to be committed.

    `expected_rows` counts the rows that were extracted, by table; `record` is kept with the commit, so that an attempt
    that is run again finds that its load stands already; `before_commit` may raise to keep the load from committing.
    """

    expected_rows: dict[str, int] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    before_commit: Callable[[], None] = lambda: None
    files: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class LakeFile:
    """One file of a load: a data file, dlt's state, or the record that commits the load."""

    path: str
    table: str
    load_id: str
    size: int


@dataclass(frozen=True)
class Inventory:
    """The files of a dataset, sorted by what they are for.

    Load ids are seconds since 1970 as text, so they compare by time. What is older than the oldest record was
    committed before somebody pruned `_dlt_loads`, and is not touched.
    """

    data: tuple[LakeFile, ...]
    states: tuple[LakeFile, ...]
    records: tuple[LakeFile, ...]

    @property
    def newest_record(self) -> LakeFile | None:
        """The record of the last committed load."""
        return max(self.records, key=lambda file: float(file.load_id), default=None)

    def abandoned(self) -> list[LakeFile]:
        """Data and state files of loads that never committed."""
        committed = {file.load_id for file in self.records}
        oldest = min((float(load_id) for load_id in committed), default=0.0)
        files = (*self.data, *self.states)
        return [file for file in files if file.load_id not in committed and float(file.load_id) > oldest]


class CommittingClient(FilesystemClient):
    """dlt's filesystem client with other rules at four seams: initialise, restore state, complete, record."""

    commit: ClassVar[LoadCommit]

    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:  # noqa: ARG002  see the docstring
        """Make the dataset's folder; what dlt would truncate here stays until the new load is committed."""
        super().initialize_storage(())

    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:
        """The newest state of a committed load; one that was written just before a crash does not count."""
        for file in self.inventory().abandoned():
            self._delete_file(file.path)
        return super().get_stored_state(pipeline_name)

    def complete_load(self, load_id: str) -> None:
        """Check the files, write the state, write the record that commits; then remove what was replaced."""
        self._check_files(load_id)
        self.commit.before_commit()
        super().complete_load(load_id)
        self.remove_replaced_files()

    def _store_load(self, load_id: str) -> None:
        record = {
            "load_id": load_id,
            "schema_name": self.schema.name,
            "status": 0,
            "inserted_at": datetime.now(timezone.utc).isoformat(),
            "schema_version_hash": self.schema.version_hash,
            **self.commit.record,
            "replaced_tables": self._replaced_tables(),
            "rows_written": self.commit.rows,
            "files_written": self.commit.files,
            "bytes_written": self.commit.bytes,
        }
        name = f"{self.schema.name}{FILENAME_SEPARATOR}{load_id}.jsonl"
        path = self.pathlib.join(self.dataset_path, self.schema.loads_table_name, name)
        self._write_to_json_file(path, record)

    def last_record(self) -> Mapping[str, Any] | None:
        """The record of the last committed load, or None before the first one."""
        newest = self.inventory().newest_record
        if newest is None:
            return None
        record: dict[str, Any] = json.loads(self.fs_client.read_text(newest.path, encoding="utf-8"))
        return record

    def remove_replaced_files(self) -> None:
        """Remove the files of earlier loads from the tables that the last committed load replaced."""
        record = self.last_record() or {}
        replaced = set(record.get("replaced_tables", ()))
        for file in self.inventory().data:
            if file.table in replaced and file.load_id != record["load_id"]:
                self._delete_file(file.path)

    def inventory(self) -> Inventory:
        """The dataset's files as they stand now, by one listing. Files that no load wrote are left out."""
        files = [file for path, size in self._listing() if (file := self._lake_file(path, size))]
        loads, states = self.schema.loads_table_name, self.schema.state_table_name
        return Inventory(
            data=tuple(file for file in files if file.table not in (loads, states)),
            states=tuple(file for file in files if file.table == states),
            records=tuple(file for file in files if file.table == loads),
        )

    def _listing(self) -> list[tuple[str, int]]:
        try:
            found = self.fs_client.find(self.dataset_path, detail=True)
        except FileNotFoundError:
            return []
        return [(path, details["size"]) for path, details in found.items() if path.startswith(self.dataset_path)]

    def _lake_file(self, path: str, size: int) -> LakeFile | None:
        table, _, name = path[len(self.dataset_path) :].partition(self.pathlib.sep)
        if table in (self.schema.loads_table_name, self.schema.state_table_name):
            parts = name.removesuffix(".jsonl").split(FILENAME_SEPARATOR)  # {name}__{load_id}[__{hash}].jsonl
            return LakeFile(path, table, parts[1], size) if len(parts) > 1 else None
        match = _DATA_FILE.fullmatch(name)
        return LakeFile(path, table, match["load_id"], size) if match else None

    def _check_files(self, load_id: str) -> None:
        """Count the rows in the footers of the load's files; they are the rows that were extracted, or it fails."""
        from pyarrow import parquet

        mine = [file for file in self.inventory().data if file.load_id == load_id]
        for table, expected in self.commit.expected_rows.items():
            rows = 0
            for file in mine:
                if file.table == table:
                    with self.fs_client.open(file.path) as stream:
                        rows += parquet.read_metadata(stream).num_rows
            if rows != expected:
                raise ReconciliationError(
                    f"Table '{table}': {expected} rows were extracted but the files of load {load_id} hold {rows}; "
                    "the load was not committed and the table is as it was before."
                )
            self.commit.rows += rows
        self.commit.files = len(mine)
        self.commit.bytes = sum(file.size for file in mine)

    def _replaced_tables(self) -> list[str]:
        return [
            name
            for name, table in self.schema.tables.items()
            if not self.is_dlt_table(name)
            and not table.get("table_format")
            and self.prepare_load_table(name)["write_disposition"] == "replace"
        ]
