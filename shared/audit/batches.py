"""Many rows of one partition of a table at once: Table Storage takes a hundred in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import TableClient

ROWS_PER_TRANSACTION = 100


def delete_rows(table: TableClient, rows: Iterable[Mapping[str, Any]]) -> int:
    """Delete rows of one partition, and say how many there were."""
    keys = ({name: row[name] for name in ("PartitionKey", "RowKey")} for row in rows)
    return sum(1 for _ in _submit(table, (("delete", key) for key in keys)))


def write_unchanged(table: TableClient, rows: Iterable[tuple[Mapping[str, Any], str | None]]) -> list[str]:
    """Write properties of rows of one partition, each with the ETag that the row must still have; None makes a row.

    Returns:
        The new ETag of each.

    Raises:
        TableTransactionError: a row has changed, is gone, or is there already; rows before it may be written.
    """
    return [str(answer["etag"]) for answer in _submit(table, (_write(row, etag) for row, etag in rows))]


def _submit(table: TableClient, operations: Iterator[tuple[Any, ...]]) -> Iterator[Mapping[str, Any]]:
    """Carry out changes of rows; yields the answer to each."""
    while batch := list(islice(operations, ROWS_PER_TRANSACTION)):
        yield from table.submit_transaction(batch)


def _write(row: Mapping[str, Any], etag: str | None) -> tuple[Any, ...]:
    if etag is None:
        return "create", dict(row)
    return "update", dict(row), {"mode": "merge", "etag": etag, "match_condition": MatchConditions.IfNotModified}
