"""Delta tables whose loads are all or nothing, too: each Delta commit names its load, and one that never got its
record in `_dlt_loads` is taken back by the next attempt of the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from itertools import takewhile
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from dlt.common.libs.deltalake import (
    deltalake_storage_options,
    ensure_delta_compatible_arrow_data,
    evolve_delta_table_schema,
)
from dlt.common.libs.pyarrow import get_local_dataset_reader
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.filesystem.filesystem import DeltaLoadFilesystemJob

from shared.errors import LakeError, LeaseLostError, ReconciliationError
from shared.value_range import ValueRange

if TYPE_CHECKING:
    from dlt.common.schema.typing import TTableSchema

    from shared.lake.commit import CommittingClient

LOAD_ID = "load_id"
_DECIMAL_DIGITS = 80  # more than any decimal128 has
NO_LOAD = "none"  # what a commit names that empties a table of which no load stands


class DeltaLoad(DeltaLoadFilesystemJob):
    """Writes the files of one load into a Delta table by one commit.

    It replaces the table or the rows of a range, appends, or upserts by primary key.
    """

    def run(self) -> None:
        client: CommittingClient = self._job_client  # type: ignore[assignment]  # dlt hands each job its client
        location = client.get_open_table_location("delta", self.load_table_name)
        storage_options = delta_storage_options(client)
        target = open_delta_table(location, storage_options)
        committed = client.commit.inventory.committed
        if target is not None and (others := uncommitted_loads(target, committed)):
            raise LeaseLostError(f"Load {others[0]} was written while this attempt was at work; it gives way.")
        client.commit.before_commit()
        try:
            self._write(client, target, location, storage_options)
        except CommitFailedError as error:
            message = f"Delta table '{self.load_table_name}' was changed while this attempt was at work"
            raise LeaseLostError(f"{message}: {error}") from error
        self._reconcile(client, DeltaTable(location, storage_options=storage_options))

    def _write(
        self, client: CommittingClient, target: DeltaTable | None, location: str, storage_options: dict[str, str]
    ) -> None:
        table, properties = self._load_table, _naming(self._load_id)
        with get_local_dataset_reader(self.file_paths) as rows:
            data = ensure_delta_compatible_arrow_data(rows, self._partition_columns)
            if table["write_disposition"] == "merge" and target is not None:
                self._upsert(target, data, properties)
            elif client.commit.replaced_range and target is not None:
                rows_replaced = predicate(client.commit.replaced_range, data.schema)
                write_deltalake(
                    target,
                    data,
                    mode="overwrite",
                    schema_mode="merge",
                    predicate=rows_replaced,
                    commit_properties=properties,
                )
            else:
                replace = table["write_disposition"] == "replace"
                write_deltalake(
                    location if target is None else target,
                    data,
                    mode="error" if target is None else "overwrite" if replace else "append",
                    schema_mode=None if target is None else "overwrite" if replace else "merge",
                    partition_by=self._partition_columns or None,
                    storage_options=storage_options if target is None else None,
                    commit_properties=properties,
                )

    def _upsert(self, target: DeltaTable, rows: Any, properties: CommitProperties) -> None:
        evolve_delta_table_schema(target, rows.schema)
        keys = get_columns_names_with_prop(cast("TTableSchema", self._load_table), "primary_key")
        (
            target.merge(
                rows,
                predicate=" AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in keys),
                source_alias="source",
                target_alias="target",
                streamed_exec=True,
                commit_properties=properties,
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )

    def _reconcile(self, client: CommittingClient, table: DeltaTable) -> None:
        """Compare Delta's own count of the rows that the commit took in with the rows that were extracted."""
        metrics: Mapping[str, Any] = table.history(1)[0].get("operationMetrics", {})
        taken_in = int(metrics.get("num_source_rows", metrics.get("num_added_rows", -1)))
        expected = client.commit.expected_rows.get(self.load_table_name, 0)
        if taken_in != expected:
            take_back(table, lambda load_id: load_id != self._load_id)
            raise ReconciliationError(
                f"Delta table '{self.load_table_name}': {expected} rows were extracted but the commit took in "
                f"{taken_in}; the load was taken back and the table is as it was before."
            )
        client.commit.rows += taken_in
        client.commit.files += int(metrics.get("num_added_files", metrics.get("num_target_files_added", 0)))


def delta_storage_options(client: CommittingClient) -> dict[str, str]:
    """The options by which deltalake reaches the client's storage."""
    return deltalake_storage_options(client.config.credentials, client.config.deltalake_storage_options)


def open_delta_table(location: str, storage_options: dict[str, str]) -> DeltaTable | None:
    """The Delta table at `location`, or None where there is none yet."""
    try:
        return DeltaTable(location, storage_options=storage_options)
    except TableNotFoundError:
        return None


def uncommitted_loads(table: DeltaTable, committed: Callable[[str], bool]) -> list[str]:
    """The ids of the loads on top of a table, the newest first, that never committed; usually none.

    Args:
        table: The table, at its newest version.
        committed: Whether the load of an id was committed.
    """
    return [commit[LOAD_ID] for commit in takewhile(lambda commit: not _stands(commit, committed), _loads(table))]


def take_back(table: DeltaTable, committed: Callable[[str], bool]) -> None:
    """Undo the loads on top of a table that never committed; commits of no load, such as a vacuum, are passed over.

    Raises:
        LakeError: there is no earlier version to go back to.
    """
    loads = _loads(table)
    newest = next(loads, None)
    if newest is None or _stands(newest, committed):
        return
    last_good = next((commit for commit in loads if _stands(commit, committed)), None)
    if last_good:
        # the restoring commit names the load it goes back to, so that nothing is undone twice
        table.restore(last_good["version"], commit_properties=_naming(last_good[LOAD_ID]))
    elif table.history()[-1]["version"] == 0:
        table.delete(commit_properties=_naming(NO_LOAD))
    else:
        raise LakeError(
            f"The newest version of Delta table '{table.table_uri.rsplit('/', 1)[-1]}' is of a load that never "
            "committed, and the log no longer reaches back to the one before: order a full refresh of the job."
        )


def _loads(table: DeltaTable) -> Iterator[dict[str, Any]]:
    """The commits that name a load, the newest first; the whole log is read only where the newest is not enough."""
    newest = [commit for commit in table.history(1) if LOAD_ID in commit]
    yield from newest
    yield from (commit for commit in table.history()[len(newest) :] if LOAD_ID in commit)


def _stands(commit: Mapping[str, Any], committed: Callable[[str], bool]) -> bool:
    return commit[LOAD_ID] == NO_LOAD or committed(commit[LOAD_ID])


def _naming(load_id: str) -> CommitProperties:
    """Properties of a commit that names its load, and fails where the table is no longer as it was opened."""
    return CommitProperties(custom_metadata={LOAD_ID: load_id}, max_commit_retries=0)


def predicate(within: ValueRange, schema: pa.Schema) -> str:
    """The rows of a range in Delta's SQL; `schema` is that of the rows that take their place."""
    column, arrow_type = quoted(within.column), schema.field(within.column).type
    return f"{column} >= {_literal(within.start, arrow_type)} AND {column} < {_literal(within.end, arrow_type)}"


def _literal(value: Any, arrow_type: pa.DataType) -> str:
    """A value in Delta's SQL; plain texts are read as dates and times where the column holds such."""
    if isinstance(arrow_type, pa.Decimal128Type):
        with localcontext(Context(prec=_DECIMAL_DIGITS)):
            # what a column of so many decimals can hold is not below the value exactly if it is not below this one
            exact = Decimal(value).quantize(Decimal(1).scaleb(-arrow_type.scale), ROUND_CEILING)
        return f"arrow_cast('{exact:f}', 'Decimal128({arrow_type.precision}, {arrow_type.scale})')"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime) and value.tzinfo:
        moment = value.astimezone(timezone.utc).isoformat()
        return f"arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column name as an identifier of Delta's SQL predicates."""
    return '"' + name.replace('"', '""') + '"'
