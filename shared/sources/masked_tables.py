"""The masks of a database's table: which columns have one, and batches and samples in which they are applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from shared.models.attempt import MaskedSample
from shared.models.job import Job
from shared.sources.arrow import UnfitError, conform
from shared.sources.columns import ReadColumn
from shared.sources.masking import SAMPLED, ColumnMask, find_masks, hasher_for, labels, sample_of
from shared.sources.source import ReadOptions
from shared.sources.table_read import TableRead


def with_masks(job: Job, options: ReadOptions, table: sa.Table, columns: Sequence[ReadColumn]) -> list[ReadColumn]:
    """The columns with their masks, which are reported.

    Args:
        job: `masked_columns`.
        options: The key, what the last load has masked, and whom to report to.
        table: The table, with all its columns.
        columns: Those that are read.

    Raises:
        ConfigurationError: a column is hashed, and there is no key.
        SourceError: a masked column is absent, spelled otherwise or not read.
    """
    hasher = hasher_for(job, options.mask_key)
    names, read = [column.name for column in table.c], [column.source_name for column in columns]
    masks = find_masks(job, f"table '{table.fullname}'", names, read, options.masked_before)
    options.report_masked(labels(masks))
    return [
        replace(column, mask=ColumnMask(masks[column.source_name], column.source_name, hasher, column.spelling))
        if column.source_name in masks
        else column
        for column in columns
    ]


@contextmanager
def without_values(read: TableRead) -> Iterator[None]:
    """Take the value out of an error of a masked column."""
    try:
        yield
    except UnfitError as error:
        raise (error.without_value() if error.name in read.masked else error) from None


def masked(table: pa.Table, columns: Sequence[ReadColumn]) -> pa.Table:
    """A batch as all that follows may see it: before it is counted, compared, kept or written."""
    for place, column in enumerate(columns):
        if column.mask:
            table = table.set_column(place, column.name, column.mask.of(table.column(place)))
    return table


def masked_sample(read: TableRead) -> dict[str, MaskedSample]:
    """What a load would write into the masked columns of its first rows; empty if none is masked."""
    columns = list(read.masked.values())
    if not columns:
        return {}
    few = replace(read, columns=columns, schema=pa.schema([read.schema.field(one.name) for one in columns]))
    with read.database.snapshot(read.table, 1) as snapshot:
        query = snapshot.pinned(few.select(sa.select(read.table)).limit(SAMPLED))
        with without_values(read):
            batches = [masked(conform(batch, few.own_schema), columns) for batch in snapshot.read(query, columns)]
    found = pa.concat_tables(batches) if batches else few.schema.empty_table()
    return {
        column.name: sample_of(column.mask.mask, column.given_type, found.column(column.name))
        for column in columns
        if column.mask
    }
