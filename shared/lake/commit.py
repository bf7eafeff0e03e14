"""A filesystem client whose loads are all or nothing: new files first, then the commit, then the old files go.

Plain dlt deletes the old files of a replaced table before it loads the new ones, and a crash leaves files of a load
that never committed, beside which the next attempt appends. Here a load is committed by one blob, its record in
`_dlt_loads`; what belongs to no committed load is removed by the next attempt of the same job, and by it alone,
because no two jobs share a dataset.

A process that paused for so long that another run took its job over may send what it was about to send at any
later moment. So nothing that counts is overwritten: a record is only ever created, an attempt that clears up after a
load first puts an empty blob in the place of its record, and a manifest is replaced only as it was when it was listed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from deltalake import DeltaTable
from dlt.common.destination.client import StateInfo
from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.impl.filesystem.filesystem import ReferenceFollowupJob
from pyarrow import BufferReader, parquet

from shared.errors.hierarchy import LeaseLostError, ReconciliationError
from shared.lake.dataset import Dataset
from shared.lake.delta.load import DeltaLoad
from shared.lake.delta.log import (
    NO_LOAD,
    delta_storage_options,
    newest_load,
    open_delta_table,
    take_back,
    uncommitted_loads,
)
from shared.lake.inventory import Inventory, LakeFile, refuse_earlier
from shared.lake.listed import ListedClient
from shared.lake.listing import read_with_etag
from shared.lake.load import Written
from shared.lake.manifest import HEAD_BYTES, KEPT_MANIFEST, MANIFEST, load_of, next_manifest
from shared.lake.records import last_load
from shared.lake.transfer import remove

_TAIL_BYTES = 64 * 1024  # of a Parquet file: nearly every footer fits

Read = tuple[bytes, str] | None
"""A manifest, or its beginning, and its ETag; None if there is none."""


def _load_of(manifest: Read) -> str | None:
    return load_of(manifest[0]) if manifest else None


class CommittingClient(ListedClient):
    """dlt's filesystem client with other rules at its seams: load Delta, complete."""

    def begin_attempt(self) -> Mapping[str, Any] | None:
        """Leave nothing of loads that broke off; returns the record of the last committed load, None before the first.

        Raises:
            LeaseLostError: a load that seemed to have broken off commits at this very moment.
            ClockError: the last load is of a later time than it is here.
        """
        inventory = self.dataset.inventory()
        tables = [table for name in inventory.delta_tables if (table := self.delta_table(name))]
        manifests = {name: self._read_manifest(name, HEAD_BYTES) for name in inventory.manifests}
        if inventory.window and self._is_ahead(inventory, manifests, tables):
            inventory = self.dataset.whole()
        self.session.inventory = inventory = self._with_beginning(inventory)
        newest = inventory.newest_record
        if newest:
            refuse_earlier(f"{time.time():f}", newest.load_id)
        self._clear_up(inventory, tables)
        for table in tables:
            take_back(table, inventory.committed)
        if newest is None:
            return None
        record = inventory.last_record or self._read_json(newest.path)
        behind = [name for name in record["tables"] if _load_of(manifests.get(name)) != record["load_id"]]
        self._finish_load(inventory, record, {name: self._read_manifest(name) for name in behind})
        return last_load(record)

    def _clear_up(self, inventory: Inventory, tables: Iterable[DeltaTable] = ()) -> None:
        """Keep loads that broke off from committing, and remove their files; Delta tables are not taken back here."""
        abandoned = inventory.abandoned()
        broken_off = {file.load_id for file in abandoned}
        broken_off.update(load_id for table in tables for load_id in uncommitted_loads(table, inventory.committed))
        for load_id in sorted(broken_off - inventory.void):
            self._make_void(load_id)
        for file in abandoned:
            self._delete_file(file.path)

    def _is_ahead(self, inventory: Inventory, manifests: Mapping[str, Read], tables: Iterable[DeltaTable]) -> bool:
        """Whether a table is at a later load than the newest record that was listed: the clock has gone back."""
        newest = inventory.newest_record
        loads = [*map(_load_of, manifests.values()), *map(newest_load, tables)]
        moments = [float(load_id) for load_id in loads if load_id and load_id != NO_LOAD]
        return newest is None or max(moments, default=0.0) > max(float(newest.load_id), time.time())

    @staticmethod
    def get_reference_followup_job_class(table: PreparedTableSchema) -> type[ReferenceFollowupJob] | None:
        """Delta tables are written by our own job; dlt's names no load in its commits."""
        return DeltaLoad if table.get("table_format") == "delta" else None

    def complete_load(self, load_id: str) -> None:
        """Check the files, write state and record, which commits, then the manifests; then what was replaced goes."""
        inventory = self.dataset.at_commit(self.session.inventory, load_id, self.session.order.expected_rows)
        self._refuse_to_follow(inventory.newest_record, load_id)
        self._check_files(inventory, load_id)
        known = inventory.manifests
        manifests = {name: self._read_manifest(name) if name in known else None for name in self._parquet_tables}
        self.session.before_commit()
        super().complete_load(load_id)
        self._finish_load(inventory, self._record, manifests)

    def _refuse_to_follow(self, newest: LakeFile | None, load_id: str) -> None:
        """Raise if a load was committed since the attempt began, or is of a later time than this one."""
        known = self.session.inventory.newest_record
        if newest and newest.load_id != (known and known.load_id):
            raise LeaseLostError(f"Load {newest.load_id} was committed while this attempt was running; it gives way.")
        if newest:
            refuse_earlier(load_id, newest.load_id)

    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:
        """The state of the last committed load when the attempt began, regardless of what has arrived since.

        None where that load was another job's, as before a job was given another name, and where its file is gone.
        """
        newest = self.session.inventory.newest_state
        try:
            state = self._read_json(newest.path) if newest else {}
        except FileNotFoundError:  # the record's watermark shows it
            return None
        return StateInfo(**state) if state.get("pipeline_name") == pipeline_name else None

    def delta_table(self, table_name: str) -> DeltaTable | None:
        """A Delta table of the dataset at its newest version, None if there is none."""
        location = self.make_remote_url(self.pathlib.join(self.dataset_path, table_name))
        return open_delta_table(location, delta_storage_options(self.config))

    def rows_in(self, table_name: str) -> int | None:
        """The rows of a table as of its last committed load, None if that is not known."""
        if table_name in self.session.inventory.delta_tables:
            table = self.delta_table(table_name)
            return table.count() if table else None
        if table_name not in self.session.inventory.manifests:
            return None
        return int(self._read_json(self._manifest_path(table_name))["rows"])

    def _make_void(self, load_id: str) -> None:
        """Keep a load that broke off from committing later: what creates the blob of its record first, wins."""
        if not self._create(self._record_path(load_id), b"") and self.fs_client.cat_file(self._record_path(load_id)):
            raise LeaseLostError(f"Load {load_id} was committed while this attempt began; it gives way.")

    def _create(self, path: str, content: bytes) -> bool:
        """Write a blob that does not exist yet; False if it exists, regardless of its content."""
        try:
            self.fs_client.pipe_file(path, content, mode="create")
        except FileExistsError:
            return False
        return True

    def _record_path(self, load_id: str) -> str:
        return self.dataset.record_path(load_id)

    def _store_load(self, load_id: str) -> None:
        self._record = {
            "load_id": load_id,
            "schema_name": self.schema.name,
            "status": 0,
            "inserted_at": datetime.now(UTC).isoformat(),
            "schema_version_hash": self.schema.version_hash,
            "base_load_id": self.session.order.base_load_id,
            **self.session.order.record,
            **asdict(Written.total(self.session.written.values())),
            "tables": self._parquet_tables,
            "delta_tables": self._delta_tables,
            "dataset": self._named(),
        }
        self._commit(self._record)

    def _commit(self, record: Mapping[str, Any]) -> None:
        load_id = record["load_id"]
        path, content = self._record_path(load_id), json.dumps(record).encode()
        # it may be ours: an answer that got lost on its way makes the SDK write a second time
        if not self._create(path, content) and self.fs_client.cat_file(path) != content:
            raise LeaseLostError(f"Load {load_id} was given up for lost by another run, which has taken the job over.")

    def _named(self) -> dict[str, Any]:
        """What the load's record says of the dataset as the load leaves it."""
        known, delta = self.session.inventory, frozenset(self._delta_tables)
        replaced = {name for name, load in self._parquet_tables.items() if load["replaced"]}
        after = replace(
            known,
            manifests=(known.manifests | set(self._parquet_tables)) - delta,
            delta_tables=(known.delta_tables - replaced) | delta,
        )
        return self.dataset.named(after, self.session.state or known.newest_state)

    def _finish_load(self, inventory: Inventory, record: Mapping[str, Any], manifests: Mapping[str, Read]) -> None:
        """What follows the commit and may be done again: write the manifests, remove the files that were replaced.

        Args:
            inventory: The inventory.
            record: The load's record.
            manifests: Those of the tables whose manifest is to be written, as they were before.
        """
        for table_name, earlier in manifests.items():
            self._write_manifest(table_name, inventory, record, earlier)
        replaced = {name for name, load in record["tables"].items() if load["replaced"]}
        delta = set(record.get("delta_tables", ()))
        for name, load in record["tables"].items():
            self._remove_joined(inventory, name, frozenset(load.get("joined", ())))
        for file in self._replaced_files(inventory, replaced, delta):
            if float(file.load_id) < float(record["load_id"]):  # a later load is none of this one's business
                self._delete_file(file.path)
        for table_name in delta & inventory.manifests:  # it was plain Parquet before
            self._delete_file(self._manifest_path(table_name))
            self._delete_file(self._kept_manifest_path(table_name))
        for table_name in replaced & inventory.delta_tables:
            self._remove_delta(table_name, record)

    def _replaced_files(self, inventory: Inventory, replaced: set[str], delta: set[str]) -> list[LakeFile]:
        """The data files of tables that a load has replaced, and of those that have become Delta tables."""
        cleared = replaced | delta
        if inventory.window is None:
            return [file for file in inventory.data if file.table in cleared]
        cleared = replaced | (delta & inventory.manifests)  # the others were cleared before
        return [file for table in sorted(cleared) for file in self.dataset.files_of(table)]

    def _remove_joined(self, inventory: Inventory, table: str, joined: frozenset[str]) -> None:
        """Remove what is left of the files that a compaction has joined to others."""
        if not joined:
            return
        folder = self.pathlib.join(self.dataset_path, table, "")
        there = inventory.data if inventory.window is None else self.dataset.files_of(table)
        remove(self.fs_client, [file.path for file in there if file.path.removeprefix(folder) in joined])

    def _remove_delta(self, table_name: str, record: Mapping[str, Any]) -> None:
        """Remove what a table has left that was Delta before: first the log, by which readers know it."""
        folder = self.pathlib.join(self.dataset_path, table_name, "")
        kept = {MANIFEST, *(file["path"] for file in record["tables"][table_name]["files"])}
        left = [path for path in self.fs_client.find(folder) if path[len(folder) :] not in kept]
        log = f"{folder}_delta_log{self.pathlib.sep}"
        for path in sorted(left, key=lambda path: not path.startswith(log)):
            self._delete_file(path)

    def _write_manifest(self, table_name: str, inventory: Inventory, record: Mapping[str, Any], earlier: Read) -> None:
        before = earlier[0] if earlier else None
        if before is None and not record["tables"][table_name]["replaced"]:
            before = self._manifest_from_records(table_name, inventory, record["load_id"])
        manifest = next_manifest(table_name, before, record)
        if manifest is not None:
            self._replace(self._manifest_path(table_name), manifest, earlier and earlier[1])

    def _read_manifest(self, table_name: str, most: int | None = None) -> Read:
        return read_with_etag(self.fs_client, self._manifest_path(table_name), most)

    def _read_kept_manifest(self, table_name: str) -> Read:
        return read_with_etag(self.fs_client, self._kept_manifest_path(table_name))

    def _kept_manifest_path(self, table_name: str) -> str:
        return str(self.pathlib.join(self.dataset_path, table_name, KEPT_MANIFEST))

    def _manifest_path(self, table_name: str) -> str:
        return str(self.pathlib.join(self.dataset_path, table_name, MANIFEST))

    def _replace(self, path: str, content: bytes, etag: str | None) -> None:
        """Write a blob if it still is as it was read; else another run has gone further, and knows better."""
        with suppress(FileExistsError, ResourceModifiedError, ResourceNotFoundError):
            self._put(path, content, etag)

    def _put(self, path: str, content: bytes, etag: str | None) -> None:
        condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {"mode": "create"}
        self.fs_client.pipe_file(path, content, **condition)

    def _manifest_from_records(self, table_name: str, inventory: Inventory, load_id: str) -> bytes | None:
        """The manifest before load `load_id` of a table whose own is lost, from the records of the earlier loads."""
        kept = self._read_kept_manifest(table_name)
        manifest = kept and kept[0]
        since = float(_load_of(kept) or 0)
        records = inventory.records if inventory.window is None else self.dataset.whole().records
        for file in sorted(records, key=lambda file: float(file.load_id)):
            if since < float(file.load_id) < float(load_id):
                manifest = next_manifest(table_name, manifest, self._read_json(file.path))
        return manifest

    def _read_json(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.fs_client.cat_file(path))
        return content

    @property
    def dataset(self) -> Dataset:
        """Where the files are."""
        own_tables = self.schema.loads_table_name, self.schema.state_table_name, self.schema.version_table_name
        return Dataset(self.fs_client, self.dataset_path, own_tables, self.init_file_path)

    def _with_beginning(self, inventory: Inventory) -> Inventory:
        """The inventory, knowing whether its oldest record is of the first load: what is older then never committed."""
        oldest = inventory.oldest_record
        if oldest is None or not inventory.has_older:
            return inventory
        return replace(inventory, is_whole=self._read_json(oldest.path).get("base_load_id", "unknown") is None)

    def _check_files(self, inventory: Inventory, load_id: str) -> None:
        """Count the rows in the footers of the load's files; they are the rows that were extracted, or it fails."""
        files = [file for file in inventory.data if file.load_id == load_id]
        self._parquet_tables: dict[str, Any] = {}
        self._delta_tables: list[str] = []
        for table, expected in self.session.order.expected_rows.items():
            schema = self.prepare_load_table(table)
            if schema.get("table_format") == "delta":
                self._delta_tables.append(table)
                continue  # its own job has counted, against Delta's metrics
            mine = [self._measured(file) for file in files if file.table == table]
            rows = sum(file["rows"] for file in mine)
            if rows != expected:
                raise ReconciliationError(
                    f"Table '{table}': {expected} rows were extracted but the files of load {load_id} hold {rows}; "
                    "the load was not committed and the table is as it was before."
                )
            replaced = schema["write_disposition"] == "replace"
            self._parquet_tables[table] = {"replaced": replaced, "files": mine}
            size = sum(file["bytes"] for file in mine)
            self.session.written[table] = Written(rows_written=rows, files_written=len(mine), bytes_written=size)

    def _measured(self, file: LakeFile) -> dict[str, Any]:
        rows = parquet.read_metadata(self._footer(file)).num_rows
        folder = self.pathlib.join(self.dataset_path, file.table, "")
        return {"path": file.path[len(folder) :], "rows": rows, "bytes": file.size}

    def _footer(self, file: LakeFile) -> BufferReader:
        """The end of a Parquet file with its whole footer, whose length is eight bytes before the end."""
        tail = self.fs_client.cat_file(file.path, start=max(0, file.size - _TAIL_BYTES), end=file.size)
        footer_bytes = int.from_bytes(tail[-8:-4], "little") + 8
        if footer_bytes > len(tail):
            tail = self.fs_client.cat_file(file.path, start=file.size - footer_bytes, end=file.size)
        return BufferReader(tail)
