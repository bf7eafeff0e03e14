"""The rules of table storage: keys, types, ETags, transactions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from azure.data.tables import EntityProperty

from tests.simulation.storage.errors import refusal

_NOT_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_TEXT_LIMIT = 32 * 1024  # characters of UTF-16
_PROPERTIES = 252
_INT32 = 2**31


@dataclass(frozen=True)
class Entity:
    """One row as it is stored."""

    values: Mapping[str, Any]
    etag: str
    written_at: datetime


Change = tuple[str, Mapping[str, Any], str | None]
"""An operation (create, replace, merge, upsert_replace, upsert_merge, delete), the row, and the ETag it must have."""


@dataclass
class TableStore:
    """One table.

    Attributes:
        clock: Seconds since 1970.
        watchers: Called with what a row was and what it is, None if there is none, after each write.
    """

    clock: Callable[[], float]
    partitions: dict[str, dict[str, Entity]] = field(default_factory=dict)
    watchers: list[Callable[[Mapping[str, Any] | None, Mapping[str, Any] | None], None]] = field(default_factory=list)
    _writes: int = 0

    def get(self, partition: str, row: str) -> Entity:
        found = self.partitions.get(partition, {}).get(row)
        if found is None:
            raise refusal("ResourceNotFound")
        return found

    def rows(self, partition: str | None = None) -> list[Entity]:
        """The rows of a partition or of all, ordered by their keys."""
        if partition is not None:
            rows = self.partitions.get(partition, {})
            return [rows[key] for key in sorted(rows)]
        return [entity for key in sorted(self.partitions) for entity in self.rows(key)]

    def transact(self, changes: Sequence[Change]) -> list[Entity | None]:
        """Make all of these changes, or none.

        Raises:
            HttpResponseError: with `position`, the number of the change that is refused.
        """
        keys = [_key(values) for _, values, _ in changes]
        if len({partition for partition, _ in keys}) > 1 or len(set(keys)) < len(keys) or len(changes) > 100:
            raise refusal("InvalidInput")
        results = []
        for position, (change, (partition, row)) in enumerate(zip(changes, keys, strict=True)):
            try:
                results.append(self._changed(change, self.partitions.get(partition, {}).get(row)))
            except Exception as error:
                error.position = position  # type: ignore[attr-defined]
                raise
        for (partition, row), entity in zip(keys, results, strict=True):
            rows = self.partitions.setdefault(partition, {})
            before = rows.pop(row, None)
            if entity:
                rows[row] = entity
            for watch in self.watchers:
                watch(before.values if before else None, entity.values if entity else None)
        return results

    def _changed(self, change: Change, existing: Entity | None) -> Entity | None:
        operation, values, etag = change
        if operation == "create" and existing:
            raise refusal("EntityAlreadyExists")
        if operation in ("replace", "merge", "delete"):
            if existing is None:
                raise refusal("ResourceNotFound")
            if etag is not None and etag != existing.etag:
                raise refusal("UpdateConditionNotSatisfied")
        if operation == "delete":
            return None
        stored = {name: _stored(name, value) for name, value in values.items() if value is not None}
        if operation.endswith("merge") and existing:
            stored = {**existing.values, **stored}
        if len(stored) > _PROPERTIES + 2:
            raise refusal("EntityTooLarge")
        self._writes += 1
        now = datetime.fromtimestamp(self.clock(), UTC)
        return Entity(stored, f"W/\"datetime'{self._writes:016d}'\"", now)


def _key(values: Mapping[str, Any]) -> tuple[str, str]:
    keys = values["PartitionKey"], values["RowKey"]
    if any(not isinstance(key, str) for key in keys):
        raise TypeError("PartitionKey and RowKey must be texts")
    if any(_NOT_IN_KEYS.search(key) or len(key) > 512 for key in keys):
        raise refusal("InvalidInput")
    return keys


def _stored(name: str, value: Any) -> Any:
    if isinstance(value, EntityProperty):
        return value if abs(int(value.value)) >= _INT32 or value.edm_type == "Edm.Int64" else value.value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        if len(value) > _TEXT_LIMIT // 2 and len(value.encode("utf-16-le")) > 2 * _TEXT_LIMIT:
            raise refusal("PropertyValueTooLarge")
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, int):
        if abs(value) >= _INT32:
            raise TypeError(f"{name}: {value} needs the type Edm.Int64")
        return value
    raise TypeError(f"{name}: a property cannot hold a {type(value).__name__}")
