"""Arrow batches in exactly the types that the destination's schema names, or an error that names the column."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors import SourceError


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """`batch` as a table of `schema`, values unchanged.

    Extension types (uuid, json, opaque) become what they store: dlt refuses them.

    Raises:
        SourceError: a value does not fit its column's type.
    """
    columns = [_conform_column(batch.column(field.name), field) for field in schema]
    return pa.table(columns, schema=schema)


def _conform_column(column: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type.equals(field.type):
        return column
    try:
        return pc.cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"Column '{field.name}' holds a value that does not fit {field.type}: {error}. "
            f"Name another type for it in column_types, for example {field.name}:text."
        ) from None
