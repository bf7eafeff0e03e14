"""What becomes of a table in the lake when its source's columns change between two loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.common.schema.exceptions import DataValidationError

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources.columns import ReadColumn


def types_in_the_lake(table_name: str) -> dict[str, pa.DataType]:
    """The columns that the last load left in the active pipeline's schema, with the types of their files."""
    pipeline = dlt.current.pipeline()
    if not pipeline.default_schema_name:  # nothing was loaded yet
        return {}
    columns: Any = pipeline.default_schema.tables.get(table_name, {}).get("columns", {})
    complete = {name: column for name, column in columns.items() if column.get("data_type")}
    capabilities = DestinationCapabilitiesContext.generic_capabilities("parquet")
    return {field.name: field.type for field in columns_to_arrow(complete, capabilities, "UTC")}


def with_types_of(lake: Mapping[str, pa.DataType], columns: Sequence[ReadColumn]) -> list[ReadColumn]:
    """The columns in the types that the lake has already.

    A file of another type beside the old ones would make the table unreadable. A value that the lake's type cannot
    carry is an error, and a full refresh then takes the new type.
    """
    return [
        replace(column, type=lake[column.name], wire=column.wire or column.type)
        if lake.get(column.name, column.type) != column.type
        else column
        for column in columns
    ]


def contract_violation(error: BaseException, job: Job) -> SourceError | None:
    """The error for a change that `schema_contract` freeze forbids, None where the error is none of that kind."""
    if not isinstance(error, DataValidationError):
        return None
    change = "is new" if error.schema_entity == "columns" else "has another type now"
    return SourceError(
        f"Column '{error.column_name}' of table '{error.table_name}' {change} in source '{job.source_name}', and "
        f"schema_contract {error.contract_mode} forbids it: leave it out with excluded_columns, name its old type in "
        "column_types, or set schema_contract to evolve."
    )
