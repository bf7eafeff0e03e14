"""How a Delta table is partitioned, and why that does not change between two loads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from dlt.common.exceptions import TerminalException
from pyarrow.parquet import ParquetFile

from shared.errors.hierarchy import LakeError

_TAKEN_FOR_NULL = ("", "__HIVE_DEFAULT_PARTITION__")
"""Delta's protocol takes an empty partition value for NULL; the other is the folder that readers of folders do."""
_FIRST_DAY, _LAST_DAY = date(1, 1, 1), date(9999, 12, 31)


class PartitionError(LakeError, TerminalException):
    """`partition_by` does not fit the table; dlt is not to try again."""


def partition_columns(wanted: Sequence[str], schema: pa.Schema, table_name: str) -> list[str]:
    """The columns of `partition_by` as the table spells them.

    Raises:
        PartitionError: the table has no such column, or none beside them.
    """
    real_names = {name.casefold(): name for name in schema.names}
    if unknown := [name for name in wanted if name.casefold() not in real_names]:
        raise PartitionError(
            f"partition_by '{unknown[0]}' is not a column of table '{table_name}'. Its columns are "
            f"{', '.join(schema.names)}."
        )
    if wanted and len(wanted) == len(schema.names):
        raise PartitionError(f"partition_by names every column of table '{table_name}'; leave at least one out.")
    columns = [real_names[name.casefold()] for name in wanted]
    for name in columns:
        if not _is_kept(schema.field(name).type):
            raise PartitionError(
                f"partition_by '{name}' of table '{table_name}' is {schema.field(name).type}, which Delta does not "
                "give back unchanged as the value of a partition: choose a column of text, whole numbers, booleans, "
                "dates or timestamps, or name such a type in column_types."
            )
    return columns


def refuse_lost_values(files: Sequence[str], columns: Sequence[str], schema: pa.Schema, table_name: str) -> None:
    """See that every value of the partition columns comes back as it is, before anything is written.

    Args:
        files: The Parquet files of the load.
        columns: The partition columns.
        schema: That of the files.
        table_name: The table, for the message.

    Raises:
        PartitionError: there is a text that Delta takes for NULL, or a time that it cannot spell.
    """
    looked_at = [name for name in columns if _is_doubtful(schema.field(name).type)]
    for file in files if looked_at else ():
        for batch in ParquetFile(file).iter_batches(columns=looked_at):
            for name in looked_at:
                lost = _lost_values(batch.column(name))
                if len(lost):
                    reason = (
                        "which Delta gives back as NULL"
                        if pa.types.is_string(lost.type)
                        else "which is not in the years 1 to 9999 that Delta can spell"
                    )
                    raise PartitionError(
                        f"Column '{name}' of table '{table_name}' holds '{lost[0].cast(pa.string()).as_py()}' in some "
                        f"rows, {reason} where the column is in partition_by: choose another column, or leave such "
                        "rows out with query_filter."
                    )


def _is_doubtful(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _lost_values(column: pa.Array[Any]) -> pa.Array[Any]:
    if pa.types.is_string(column.type):
        return pc.filter(column, pc.is_in(column, value_set=pa.array(_TAKEN_FOR_NULL)))
    days = column.cast(pa.date32(), safe=False) if pa.types.is_timestamp(column.type) else column
    early, late = (pc.less(days, pa.scalar(_FIRST_DAY)), pc.greater(days, pa.scalar(_LAST_DAY)))
    return pc.filter(column, pc.or_(early, late))


def _is_kept(kind: pa.DataType) -> bool:
    """Whether every value of a type comes back; tried with deltalake 1.6: decimals, doubles and bytes do not."""
    kept = (pa.types.is_string, pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
    return any(is_type(kind) for is_type in kept) or (pa.types.is_decimal(kind) and kind.scale == 0)


def check_partitions(table: DeltaTable, columns: Sequence[str], table_name: str) -> None:
    """See that rows can be added to a table as it is partitioned.

    Raises:
        PartitionError: it is partitioned by other columns.
    """
    existing = table.metadata().partition_columns
    if list(existing) != list(columns):
        raise PartitionError(
            f"Delta table '{table_name}' is partitioned by {_listed(existing)}, and the job's partition_by says "
            f"{_listed(columns)}: only a load that writes the whole table again can change that. Request a full "
            "refresh of the job, or put partition_by back."
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "nothing"
