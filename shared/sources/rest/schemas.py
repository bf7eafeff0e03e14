"""The schemas of a load's tables: what the pages hold, what `column_types` says, what earlier loads have left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.pyarrow import get_py_arrow_datatype

from shared.errors.hierarchy import SourceError
from shared.errors.texts import one_line
from shared.models.job import Job
from shared.sources.arrow import conform
from shared.sources.columns import declared_type
from shared.sources.rest.moments import NAIVE, ZONED, readable, zone_of
from shared.sources.rest.tables import ROW_ID, SEPARATOR, Path
from shared.sources.rest.types import ColumnTypes


def table_name(job: Job, path: Path) -> str:
    """The name in the lake of the table at a path."""
    return SEPARATOR.join((job.resource_name, *path))


def earlier_schemas(job: Job) -> dict[str, dict[str, pa.DataType]]:
    """The columns and types that earlier loads have left, by table; called inside an active pipeline."""
    pipeline = dlt.current.pipeline()
    if not pipeline.default_schema_name:
        return {}
    capabilities = DestinationCapabilitiesContext.generic_capabilities("parquet")
    tables = pipeline.default_schema.tables
    names = [name for name in tables if name == job.resource_name or name.startswith(f"{job.resource_name}{SEPARATOR}")]
    return {
        name: {
            column: _arrow_type(hints, capabilities)
            for column, hints in tables[name]["columns"].items()
            if "data_type" in hints
        }
        for name in names
    }


def rows_schema(
    job: Job,
    types: ColumnTypes | None,
    earlier: Mapping[str, pa.DataType],
    keep: bool,
    masked: Mapping[str, pa.DataType] | None = None,
) -> pa.Schema:
    """The schema of the rows' own table.

    Args:
        job: `column_types` and `primary_key`.
        types: What the pages hold; None where no row came, so that the table stays as it was.
        earlier: The types that earlier loads have left.
        keep: Whether those must stay.
        masked: The types of masked columns.

    Raises:
        SourceError: a column of the primary key is not a field of the rows.
    """
    types = types or ColumnTypes(job.api_response_format)
    declared = {name: _declared(text, types, name) for name, text in job.column_types.items()} | dict(masked or {})
    schema = types.schema(declared, earlier, keep)
    if not types.names():
        schema = pa.schema({name: kind for name, kind in earlier.items() if name not in declared})
    for name, kind in declared.items():
        if name not in schema.names:
            schema = schema.append(pa.field(name, kind))
    if types.names() and (missing := [name for name in job.primary_key if name not in schema.names]):
        raise SourceError(
            f"Job '{job.job_id}': primary_key '{missing[0]}' is not a field of the rows. "
            f"They have {one_line(', '.join(schema.names), 500)}."
        )
    fields = [field.with_nullable(field.name not in job.primary_key) for field in schema]
    return pa.schema(fields or [pa.field(ROW_ID, pa.string())])  # a table has at least one column


def conformed(table: pa.Table, schema: pa.Schema, declared: Mapping[str, str] | None = None) -> pa.Table:
    """A page's table in the types that were decided; columns that it does not have are null.

    Args:
        table: The table.
        schema: The types.
        declared: `column_types`, which may name the zone of local times.

    Raises:
        SourceError: a value does not fit, or a key is null.
    """
    columns = [
        readable(table.column(field.name), field.type, zone_of((declared or {}).get(field.name)))
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    for field, column in zip(schema, columns, strict=True):
        if not field.nullable and column.null_count:
            raise SourceError(f"primary_key '{field.name}' is missing or null in {column.null_count} rows of a page.")
    return conform(pa.table(columns, names=schema.names), schema)


def _declared(text: str, types: ColumnTypes, name: str) -> pa.DataType:
    if zone_of(text):
        return ZONED
    arrow_type = declared_type(text)[0]
    return ZONED if arrow_type == NAIVE and (types.fits(name, ZONED) or types.is_epoch(name)) else arrow_type


def _arrow_type(hints: Any, capabilities: DestinationCapabilitiesContext) -> pa.DataType:
    arrow_type: pa.DataType = get_py_arrow_datatype(hints, capabilities, "UTC")
    return arrow_type
