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
    count, waiting = 0, ({name: row[name] for name in ("PartitionKey", "RowKey")} for row in rows)
    while batch := list(islice(waiting, ROWS_PER_TRANSACTION)):
        table.submit_transaction(
            [("delete", {name: row[name] for name in ("PartitionKey", "RowKey")}) for row in batch]
        )
        count += len(batch)
    return count


def write_unchanged(table: TableClient, rows: Iterable[tuple[Mapping[str, Any], str | None]]) -> list[str]:
    """Write properties of rows of one partition, each with the ETag that the row must still have; None makes a row.

    Returns:
        The new ETag of each.

    Raises:
        TableTransactionError: a row has changed, is gone, or is there already; rows before it may be written.
    """
    written: list[str] = []
    waiting = iter(rows)
    while batch := list(islice(waiting, ROWS_PER_TRANSACTION)):
        answers = table.submit_transaction([_write(row, etag) for row, etag in batch])
        written += [str(answer["etag"]) for answer in answers]
    return written


def _write(row: Mapping[str, Any], etag: str | None) -> tuple[Any, ...]:
    if etag is None:
        return "create", dict(row)
    return "update", dict(row), {"mode": "merge", "etag": etag, "match_condition": MatchConditions.IfNotModified}
