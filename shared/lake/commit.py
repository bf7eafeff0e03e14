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

from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.impl.filesystem.filesystem import FILENAME_SEPARATOR, FilesystemClient, ReferenceFollowupJob
from pyarrow import parquet

from shared.errors import LeaseLostError, ReconciliationError
from shared.lake.delta import DeltaLoad, delta_storage_options, open_delta_table, take_back
from shared.lake.inventory import Inventory, LakeFile
from shared.lake.manifest import MANIFEST, next_manifest
from shared.value_range import ValueRange

_DATA_FILE = re.compile(r"(?P<load_id>\d+\.\d+)\.[^.]+\..+")  # {load_id}.{file_id}.{extension}


@dataclass
class LoadCommit:
    """What the pipeline tells the client about the load that is to be committed.

    `expected_rows` counts the rows that were extracted, by table; `record` is kept with the commit, so that an attempt
    that is run again finds that its load stands already; `before_commit` may raise to keep the load from committing;
    `base_load_id` is the last committed load when the attempt began, and must still be the last when it commits;
    `replaced_range` are the rows of a Delta table in whose place the load's come.
    The rest is filled in by the client: what the load wrote, in all and by table.
    """

    expected_rows: dict[str, int] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    before_commit: Callable[[], None] = lambda: None
    base_load_id: str | None = None
    replaced_range: ValueRange | None = None
    tables: dict[str, Any] = field(default_factory=dict)
    files: int = 0
    rows: int = 0
    bytes: int = 0


class CommittingClient(FilesystemClient):
    """dlt's filesystem client with other rules at its seams: initialise, load Delta, complete."""

    commit: ClassVar[LoadCommit]

    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:  # noqa: ARG002
        """Make the dataset's folder; what dlt would truncate here stays until the new load is committed."""
        super().initialize_storage(())

    def begin_attempt(self) -> Mapping[str, Any] | None:
        """Leave nothing of loads that broke off; returns the record of the last committed load, None before the first.

        State of a load that never committed goes, too: what `pipeline.sync_destination` restores is committed.
        """
        inventory = self.inventory()
        for file in inventory.abandoned():
            self._delete_file(file.path)
        for table_name in inventory.delta_tables:
            location = self.make_remote_url(self.pathlib.join(self.dataset_path, table_name))
            if table := open_delta_table(location, delta_storage_options(self)):
                take_back(table, inventory.committed)
        newest = inventory.newest_record
        if newest is None:
            return None
        record = self._read_json(newest.path)
        self._finish_load(inventory, record)
        return record

    @staticmethod
    def get_reference_followup_job_class(table: PreparedTableSchema) -> type[ReferenceFollowupJob] | None:
        """Delta tables are written by our own job; dlt's names no load in its commits."""
        return DeltaLoad if table.get("table_format") == "delta" else None

    def complete_load(self, load_id: str) -> None:
        """Check the files, write state and record, which commits, then the manifests; then what was replaced goes."""
        inventory = self.inventory()
        newest = inventory.newest_record
        if newest and newest.load_id != self.commit.base_load_id:
            raise LeaseLostError(f"Load {newest.load_id} was committed while this attempt was at work; it gives way.")
        self._check_files(inventory, load_id)
        self.commit.before_commit()
        super().complete_load(load_id)
        self._finish_load(inventory, self._record)

    def _store_load(self, load_id: str) -> None:
        self._record = {
            "load_id": load_id,
            "schema_name": self.schema.name,
            "status": 0,
            "inserted_at": datetime.now(timezone.utc).isoformat(),
            "schema_version_hash": self.schema.version_hash,
            **self.commit.record,
            "rows_written": self.commit.rows,
            "files_written": self.commit.files,
            "bytes_written": self.commit.bytes,
            "tables": self.commit.tables,
        }
        name = f"{self.schema.name}{FILENAME_SEPARATOR}{load_id}.jsonl"
        path = self.pathlib.join(self.dataset_path, self.schema.loads_table_name, name)
        self._write_to_json_file(path, self._record)

    def _finish_load(self, inventory: Inventory, record: Mapping[str, Any]) -> None:
        """What follows the commit and may be done again: write the manifests, remove the files that were replaced."""
        for table_name in record["tables"]:
            self._write_manifest(table_name, inventory, record)
        replaced = {name for name, load in record["tables"].items() if load["replaced"]}
        for file in inventory.data:
            if file.table in replaced and file.load_id != record["load_id"]:
                self._delete_file(file.path)

    def _write_manifest(self, table_name: str, inventory: Inventory, record: Mapping[str, Any]) -> None:
        path = self.pathlib.join(self.dataset_path, table_name, MANIFEST)
        try:
            earlier: dict[str, Any] | None = self._read_json(path)
        except FileNotFoundError:
            replaced = record["tables"][table_name]["replaced"]
            earlier = None if replaced else self._manifest_from_records(table_name, inventory, record["load_id"])
        manifest = next_manifest(table_name, earlier, record)
        if manifest is not earlier:
            self._write_to_json_file(path, manifest)

    def _manifest_from_records(self, table_name: str, inventory: Inventory, load_id: str) -> dict[str, Any] | None:
        """The manifest before load `load_id` of a table whose own is lost, from the records of the earlier loads."""
        manifest: dict[str, Any] | None = None
        for file in sorted(inventory.records, key=lambda file: float(file.load_id)):
            if file.load_id != load_id:
                manifest = next_manifest(table_name, manifest, self._read_json(file.path))
        return manifest

    def _read_json(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.fs_client.read_text(path, encoding="utf-8"))
        return content

    def inventory(self) -> Inventory:
        """The dataset's files as they stand now, by one listing. Files that no load wrote are left out."""
        listing = self._listing()
        files = [file for path, size in listing if (file := self._lake_file(path, size))]
        loads, states = self.schema.loads_table_name, self.schema.state_table_name
        delta_log = f"{self.pathlib.sep}_delta_log{self.pathlib.sep}"
        return Inventory(
            data=tuple(file for file in files if file.table not in (loads, states)),
            states=tuple(file for file in files if file.table == states),
            records=tuple(file for file in files if file.table == loads),
            delta_tables=frozenset(self._table_of(path) for path, _ in listing if delta_log in path),
        )

    def _listing(self) -> list[tuple[str, int]]:
        try:
            found = self.fs_client.find(self.dataset_path, detail=True)
        except FileNotFoundError:
            return []
        return [(path, details["size"]) for path, details in found.items() if path.startswith(self.dataset_path)]

    def _table_of(self, path: str) -> str:
        return path[len(self.dataset_path) :].partition(self.pathlib.sep)[0]

    def _lake_file(self, path: str, size: int) -> LakeFile | None:
        table, _, name = path[len(self.dataset_path) :].partition(self.pathlib.sep)
        if table in (self.schema.loads_table_name, self.schema.state_table_name):
            parts = name.removesuffix(".jsonl").split(FILENAME_SEPARATOR)  # {name}__{load_id}[__{hash}].jsonl
            return LakeFile(path, table, parts[1], size) if len(parts) > 1 else None
        match = _DATA_FILE.fullmatch(name)
        return LakeFile(path, table, match["load_id"], size) if match else None

    def _check_files(self, inventory: Inventory, load_id: str) -> None:
        """Count the rows in the footers of the load's files; they are the rows that were extracted, or it fails."""
        files = [file for file in inventory.data if file.load_id == load_id]
        for table, expected in self.commit.expected_rows.items():
            if self.prepare_load_table(table).get("table_format") == "delta":
                continue  # its own job has counted, against Delta's metrics
            mine = [self._measured(file) for file in files if file.table == table]
            rows = sum(file["rows"] for file in mine)
            if rows != expected:
                raise ReconciliationError(
                    f"Table '{table}': {expected} rows were extracted but the files of load {load_id} hold {rows}; "
                    "the load was not committed and the table is as it was before."
                )
            replaced = self.prepare_load_table(table)["write_disposition"] == "replace"
            self.commit.tables[table] = {"replaced": replaced, "files": mine}
            self.commit.rows += rows
            self.commit.files += len(mine)
            self.commit.bytes += sum(file["bytes"] for file in mine)

    def _measured(self, file: LakeFile) -> dict[str, Any]:
        with self.fs_client.open(file.path) as stream:
            rows = parquet.read_metadata(stream).num_rows
        folder = self.pathlib.join(self.dataset_path, file.table, "")
        return {"path": file.path[len(folder) :], "rows": rows, "bytes": file.size}
