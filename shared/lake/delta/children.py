"""Rows of lists: those of the parents that a load has take the place of all that the table had of these parents."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from shared.jobs.lake_layout import LIST_INDEX, ROOT_ID
from shared.lake.delta.log import naming
from shared.lake.delta.sql import quoted


def are_children(schema: pa.Schema) -> bool:
    """Whether rows are those of lists whose parents are updated by key."""
    return ROOT_ID in schema.names


def replace_children(target: DeltaTable, rows: pa.RecordBatchReader, load_id: str) -> None:
    """Remove the rows of every parent that `rows` names by a row without a place, and add the rows with one."""
    is_parent = f"source.{quoted(LIST_INDEX)} IS NULL"
    merger = target.merge(
        rows,
        predicate=f"target.{quoted(ROOT_ID)} = source.{quoted(ROOT_ID)} AND {is_parent}",
        source_alias="source",
        target_alias="target",
        streamed_exec=True,
        commit_properties=naming(load_id),
    )
    merger.when_matched_delete().when_not_matched_insert_all(f"NOT ({is_parent})").execute()


def without_parents(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The rows that have a place in a list, for a table that is new."""
    batches = (batch.filter(pc.is_valid(batch.column(LIST_INDEX))) for batch in rows)
    return pa.RecordBatchReader.from_batches(rows.schema, batches)
