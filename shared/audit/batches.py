"""Many rows of one partition of a table at once: Table Storage takes a hundred in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from azure.data.tables import TableClient

ROWS_PER_TRANSACTION = 100


def delete_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Delete rows of one partition, and say how many there were."""
    keys = ({name: row[name] for name in ("PartitionKey", "RowKey")} for row in rows)
    return _submit(table, "delete", keys)


def upsert_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of one partition in place of those of the same key, and say how many."""
    return _submit(table, "upsert", (dict(row) for row in rows), mode="replace")


def merge_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Change the named properties of rows of one partition that exist, and say how many."""
    return _submit(table, "update", (dict(row) for row in rows), mode="merge")


def _submit(table: TableClient, operation: str, rows: Iterable[dict[str, Any]], **options: Any) -> int:
    count, waiting = 0, iter(rows)
    while batch := list(islice(waiting, ROWS_PER_TRANSACTION)):
        table.submit_transaction([(operation, row, options) for row in batch])
        count += len(batch)
    return count
