"""What becomes of a table in the lake when its source's columns change between two loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.schema.exceptions import DataValidationError

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources.columns import TEXT, ReadColumn, dlt_hints
from shared.sources.exact_casts import MisfitError, cast_exactly, misfit_of

Reread = Callable[[ReadColumn, str], ReadColumn]
"""Gives a column as the database casts it to a type of `column_types`."""


def types_in_the_lake(table_name: str) -> dict[str, pa.DataType]:
    """The columns that the last load left in the active pipeline's schema, with the types of their files."""
    pipeline = dlt.current.pipeline()
    if not pipeline.default_schema_name:  # nothing was loaded yet
        return {}
    columns: Any = pipeline.default_schema.tables.get(table_name, {}).get("columns", {})
    complete = {name: column for name, column in columns.items() if column.get("data_type")}
    capabilities = DestinationCapabilitiesContext.generic_capabilities("parquet")
    return {field.name: field.type for field in columns_to_arrow(complete, capabilities, "UTC")}


def with_types_of(
    lake: Mapping[str, pa.DataType], columns: Sequence[ReadColumn], contract: str, reread: Reread
) -> list[ReadColumn]:
    """The columns in the types that the lake has already.

    A file of another type beside the old ones would make the table unreadable. A value that the lake's type cannot
    carry unchanged is an error, and a full refresh then takes the new type. Under another contract than evolve, dlt
    judges the changes that it sees.
    """
    return [_in_type(column, lake.get(column.name), contract, reread) for column in columns]


def _in_type(column: ReadColumn, lake: pa.DataType | None, contract: str, reread: Reread) -> ReadColumn:
    if lake is None or lake == column.given_type:
        return column
    if contract != "evolve" and _data_type(lake) != _data_type(column.given_type):
        return column
    if lake == TEXT and not column.mask:  # as the database prints it
        return replace(reread(column, "text"), name=column.name, source_name=column.source_name, kind=column.kind)
    return replace(column, lake=lake)


def fitted(table: pa.Table, columns: Sequence[ReadColumn], schema: pa.Schema) -> pa.Table:
    """A table of own types in those of the lake.

    Args:
        table: The columns in their order.
        columns: How they are read, with the types that they have in the lake.
        schema: That of the lake.

    Raises:
        SourceError: a value cannot be carried unchanged, or a key has none.
    """
    values: list[Any] = []
    misfits: list[MisfitError] = []
    for n, column in enumerate(columns):
        try:
            given = table.column(n)
            values.append(given if column.lake is None else cast_exactly(given, column.lake, column.name))
        except MisfitError as misfit:
            misfits.append(misfit)
    if misfits:
        raise misfit_of(misfits)
    for field, column in zip(schema, values, strict=True):
        if not field.nullable and column.null_count:
            raise SourceError(
                f"Column '{field.name}' is in primary_key and NULL in some rows, which no later load could know again. "
                f"Fill it, leave those rows out with query_filter: {field.name} IS NOT NULL, or name "
                "other columns in primary_key and request a full refresh."
            )
    return pa.table(values, schema=schema)


def contract_violation(error: BaseException, job: Job) -> SourceError | None:
    """The error for a change that `schema_contract` freeze forbids, None if the error is none of that kind."""
    if not isinstance(error, DataValidationError):
        return None
    change = "is new" if error.schema_entity == "columns" else "has another type now"
    return SourceError(
        f"Column '{error.column_name}' of table '{error.table_name}' {change} in source '{job.source_name}', and "
        f"schema_contract {error.contract_mode} forbids it: leave it out with excluded_columns, name its old type in "
        "column_types, or set schema_contract to evolve."
    )


def _data_type(arrow_type: pa.DataType) -> Any:
    (column,) = dlt_hints(pa.schema([pa.field("column", arrow_type)])).values()
    return {name: column.get(name) for name in ("data_type", "precision", "scale")}
