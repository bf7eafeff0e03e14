"""Delta tables whose loads are all or nothing: each load is one commit, which names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.table import TableMerger
from dlt.common.libs.deltalake import ensure_delta_compatible_arrow_data, evolve_delta_table_schema
from dlt.common.libs.pyarrow import get_local_dataset_reader
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.filesystem.filesystem import DeltaLoadFilesystemJob

from shared.errors.hierarchy import LakeError, LeaseLostError, ReconciliationError
from shared.jobs.lake_layout import DELETED_AT
from shared.lake.delta.children import are_children, replace_children, without_parents
from shared.lake.delta.deletes import CHANGE, Tombstones, find_tombstones, with_mark_column
from shared.lake.delta.log import (
    added_bytes,
    delta_storage_options,
    keep_short,
    naming,
    open_delta_table,
    take_back,
    uncommitted_loads,
)
from shared.lake.delta.partitions import check_partitions, partition_columns, refuse_lost_values
from shared.lake.delta.sql import predicate, quoted
from shared.lake.listed import ListedClient
from shared.lake.load import Written

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchema


class DeltaLoad(DeltaLoadFilesystemJob):
    """Writes the files of one load into a Delta table by one commit.

    It replaces the table or the rows of a range, appends, or upserts by primary key; with the upsert go the rows
    that the source has no more.
    """

    _job_client: ListedClient
    _target: DeltaTable | None

    def run(self) -> None:
        client = self._job_client
        location = client.get_open_table_location("delta", self.load_table_name)
        storage_options = delta_storage_options(client.config)
        self._target = target = open_delta_table(location, storage_options)
        version_before = target.version() if target is not None else 0
        committed = client.session.inventory.committed
        if target is not None and (others := uncommitted_loads(target, committed)):
            raise LeaseLostError(f"Load {others[0]} was written while this attempt was running; it gives way.")
        with ExitStack() as stack:
            tombstones = self._find_tombstones(stack)
            if not self._changes_anything(tombstones):
                return
            client.session.before_commit()
            try:
                self._write(location, storage_options, tombstones)
            except CommitFailedError as error:
                message = f"Delta table '{self.load_table_name}' was changed while this attempt was running"
                raise LeaseLostError(f"{message}: {error}") from error
        written = DeltaTable(location, storage_options=storage_options)
        self._reconcile(written, tombstones)
        keep_short(written, version_before)

    @property
    def _keys(self) -> list[str]:
        return get_columns_names_with_prop(cast("TTableSchema", self._load_table), "primary_key")

    @property
    def _expected_rows(self) -> int:
        return self._job_client.session.order.expected_rows.get(self.load_table_name, 0)

    def _find_tombstones(self, stack: ExitStack) -> Tombstones | None:
        detection = self._job_client.session.order.deletes
        if detection is None or self._target is None:
            return None
        return stack.enter_context(find_tombstones(self._target, self._keys, detection, self.file_paths, self._load_id))

    def _changes_anything(self, tombstones: Tombstones | None) -> bool:
        return tombstones is None or bool(self._expected_rows or tombstones.count)

    def _write(self, location: str, storage_options: dict[str, str], tombstones: Tombstones | None) -> None:
        table, target, order = self._load_table, self._target, self._job_client.session.order
        replaces = table["write_disposition"] == "replace"
        with get_local_dataset_reader(self.file_paths) as rows:
            partitions = partition_columns(order.partition_by, rows.schema, self.load_table_name)
            if target is not None and not replaces:
                check_partitions(target, partitions, self.load_table_name)
            refuse_lost_values(self.file_paths, partitions, rows.schema, self.load_table_name)
            data = cast("pa.RecordBatchReader", ensure_delta_compatible_arrow_data(rows, partitions))
            if order.marks_deleted or (target is not None and _has_marks(target)):
                data = with_mark_column(data)
            if are_children(data.schema) and target is None:
                data = without_parents(data)
            if table["write_disposition"] == "merge" and target is not None:
                self._upsert(target, data, tombstones)
            elif order.replaced_range and target is not None:
                rows_replaced = predicate(order.replaced_range, data.schema)
                write_deltalake(
                    target,
                    data,
                    mode="overwrite",
                    schema_mode="merge",
                    predicate=rows_replaced,
                    commit_properties=naming(self._load_id),
                )
            else:
                write_deltalake(
                    location if target is None else target,
                    data,
                    mode="error" if target is None else "overwrite" if replaces else "append",
                    schema_mode=None if target is None else "overwrite" if replaces else "merge",
                    partition_by=partitions,
                    storage_options=storage_options if target is None else None,
                    commit_properties=naming(self._load_id),
                )

    def _upsert(self, target: DeltaTable, rows: pa.RecordBatchReader, tombstones: Tombstones | None) -> None:
        evolve_delta_table_schema(target, rows.schema)
        if are_children(rows.schema):
            replace_children(target, rows, self._load_id)
            return
        merger = target.merge(
            tombstones.among(rows) if tombstones else rows,
            predicate=" AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in self._keys),
            source_alias="source",
            target_alias="target",
            streamed_exec=True,
            commit_properties=naming(self._load_id),
        )
        with _unique_keys(self.load_table_name, self._keys):
            self._merge(merger, tombstones)

    @staticmethod
    def _merge(merger: TableMerger, tombstones: Tombstones | None) -> None:
        if tombstones is None:
            merger.when_matched_update_all().when_not_matched_insert_all().execute()
            return
        is_row = f"source.{quoted(CHANGE)} IS NULL"
        if tombstones.detection.mode == "hard":
            merger = merger.when_matched_delete(f"NOT ({is_row})")
        else:
            mark = {quoted(DELETED_AT): f"source.{quoted(DELETED_AT)}"}
            merger = merger.when_matched_update(mark, predicate=f"NOT ({is_row})")
        merger = merger.when_matched_update_all(is_row, except_cols=[CHANGE])
        merger.when_not_matched_insert_all(is_row, except_cols=[CHANGE]).execute()

    def _reconcile(self, table: DeltaTable, tombstones: Tombstones | None) -> None:
        """Compare Delta's own count of the rows that the commit took in with the rows that were extracted."""
        metrics: Mapping[str, Any] = table.history(1)[0].get("operationMetrics", {})
        taken_in = int(metrics.get("num_source_rows", metrics.get("num_added_rows", -1)))
        taken_in -= tombstones.count if tombstones else 0
        if taken_in != self._expected_rows:
            take_back(table, lambda load_id: load_id != self._load_id)
            raise ReconciliationError(
                f"Delta table '{self.load_table_name}': {self._expected_rows} rows were extracted but the commit took "
                f"in {taken_in}; the load was taken back and the table is as it was before."
            )
        client = self._job_client
        entry = f"{client.get_table_dir(self.load_table_name)}_delta_log/{table.version():020}.json"
        client.session.written[self.load_table_name] = Written(
            rows_written=taken_in,
            rows_deleted=tombstones.gone if tombstones else 0,
            files_written=int(metrics.get("num_added_files", metrics.get("num_target_files_added", 0))),
            bytes_written=added_bytes(client.fs_client.cat_file(entry)),
        )


def _has_marks(target: DeltaTable) -> bool:
    return any(field.name == DELETED_AT for field in target.schema().fields)


@contextmanager
def _unique_keys(table_name: str, keys: Sequence[str]) -> Iterator[None]:
    """Raise LakeError in place of Delta's own words for two rows of a load that have one key."""
    try:
        yield
    except DeltaError as error:
        if "multiple source rows" not in str(error):
            raise
        raise LakeError(
            f"Delta table '{table_name}': the source gave several rows with the same primary_key ({', '.join(keys)}), "
            "which is not unique there. Name the columns that are unique together in primary_key, or leave the others "
            "out with query_filter; then request a full refresh of the job."
        ) from None
