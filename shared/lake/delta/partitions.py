"""How a Delta table is partitioned, and why that does not change between two loads."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from deltalake import DeltaTable
from dlt.common.exceptions import TerminalException

from shared.errors.hierarchy import LakeError


class PartitionError(LakeError, TerminalException):
    """`partition_by` does not fit the table; dlt is not to try again."""


def partition_columns(wanted: Sequence[str], schema: pa.Schema, table_name: str) -> list[str]:
    """The columns of `partition_by` as the table spells them.

    Raises:
        PartitionError: the table has no such column, or none beside them.
    """
    spelt = {name.casefold(): name for name in schema.names}
    if unknown := [name for name in wanted if name.casefold() not in spelt]:
        raise PartitionError(
            f"partition_by '{unknown[0]}' is no column of table '{table_name}'. Its columns are "
            f"{', '.join(schema.names)}."
        )
    if wanted and len(wanted) == len(schema.names):
        raise PartitionError(f"partition_by names every column of table '{table_name}'; leave at least one out.")
    return [spelt[name.casefold()] for name in wanted]


def check_partitions(table: DeltaTable, columns: Sequence[str], table_name: str) -> None:
    """See that rows can be added to a table as it is partitioned.

    Raises:
        PartitionError: it is partitioned by other columns.
    """
    existing = table.metadata().partition_columns
    if list(existing) != list(columns):
        raise PartitionError(
            f"Delta table '{table_name}' is partitioned by {_listed(existing)}, and the job's partition_by says "
            f"{_listed(columns)}: only a load that writes the whole table anew can change that. Order a full refresh "
            "of the job, or put partition_by back."
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "nothing"
