"""Many rows of one partition of a table at once: Table Storage takes a hundred in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableClient

ROWS_PER_TRANSACTION = 100


def delete_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Delete rows of one partition, and say how many there were."""
    keys = ({name: row[name] for name in ("PartitionKey", "RowKey")} for row in rows)
    return _submit(table, "delete", keys)


def create_or_replace_rows(table: TableClient, rows: Iterable[tuple[Mapping[str, Any], str | None]]) -> None:
    """Write rows of one partition, each with the ETag of the row that it replaces, or None if there is none.

    Raises:
        TableTransactionError: a row has changed, is gone, or is there already; others may be written.
    """
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_PER_TRANSACTION)):
        table.submit_transaction([_write(row, etag) for row, etag in batch])


def _write(row: Mapping[str, Any], etag: str | None) -> tuple[Any, ...]:
    if etag is None:
        return "create", dict(row)
    return "update", dict(row), {"mode": "replace", "etag": etag, "match_condition": MatchConditions.IfNotModified}


def merge_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Change the named properties of rows of one partition that exist, and say how many."""
    return _submit(table, "update", (dict(row) for row in rows), mode="merge")


def _submit(table: TableClient, operation: str, rows: Iterable[dict[str, Any]], **options: Any) -> int:
    count, waiting = 0, iter(rows)
    while batch := list(islice(waiting, ROWS_PER_TRANSACTION)):
        table.submit_transaction([(operation, row, options) for row in batch])
        count += len(batch)
    return count
