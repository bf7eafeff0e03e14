"""Arrow batches in exactly the types that the destination's schema names, or an error that names the column."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors import SourceError

Batch = pa.RecordBatch | pa.Table
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"

_SHOWN = 60  # characters of a value in an error message


def conform(batch: Batch, schema: pa.Schema) -> pa.Table:
    """`batch` as a table of `schema`, column by column in their order, values unchanged.

    Extension types (PostgreSQL's numeric is one) become what they store: dlt refuses them.

    Raises:
        SourceError: a value does not fit its column's type.
    """
    columns = [_conform_column(batch.column(n), field) for n, field in enumerate(schema)]
    return pa.table(columns, schema=schema)


def misfit(field: pa.Field[Any], value: object, why: str) -> SourceError:
    """The error for a value that its column's type in the lake cannot carry."""
    shown = str(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return SourceError(
        f"Column '{field.name}' holds {shown}, which {why}. "
        f"Name another type for it in column_types, for example {field.name}:text."
    )


def _conform_column(column: Column, field: pa.Field[Any]) -> Column:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type.equals(field.type):
        return column
    try:
        return pc.cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise misfit(field, _first_misfit(column, field.type), f"does not fit {field.type}") from None


def _first_misfit(column: Column, arrow_type: pa.DataType) -> object:
    """The first value that cannot be cast, found by halving."""
    while len(column) > 1:
        half = len(column) // 2
        column = column.slice(half) if _fits(column.slice(0, half), arrow_type) else column.slice(0, half)
    return column[0].as_py()


def _fits(column: Column, arrow_type: pa.DataType) -> bool:
    try:
        pc.cast(column, arrow_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True
