"""Python's values as properties of Table Storage, and back; pure.

A property holds no list and no object: those are kept as JSON text, and a reader gets them as they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from azure.data.tables import EdmType, EntityProperty

PROPERTY_LIMIT = 8_000  # characters; a string property of Table Storage holds 32 K


JSON_PROPERTIES = frozenset(
    {
        "duration_by_stage",
        "earlier_attempts",
        "masked_columns",
        "problems",
        "resolved",
        "schema_changes",
        "warnings",
        "wildcards",
    }
)


_INT32_LIMIT = 2**31  # from here on the SDK needs the type of an integer


def as_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are there, as properties."""
    return {name: _property(value) for name, value in values.items() if value is not None}


def as_row(entity: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `as_properties` was given; JSON that was cut off when it was written is left out."""
    row: dict[str, Any] = {}
    for name, value in entity.items():
        if isinstance(value, EntityProperty):
            row[name] = value.value
        elif name in JSON_PROPERTIES and isinstance(value, str):
            with suppress(ValueError):
                row[name] = json.loads(value)
        else:
            row[name] = value
    return row


def without_keys(row: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """A row's properties, without its keys and without the properties named."""
    return {name: value for name, value in row.items() if name not in ("PartitionKey", "RowKey", *others)}


def _property(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str):
        return value if len(value) <= PROPERTY_LIMIT else value[: PROPERTY_LIMIT - 1] + "…"
    if isinstance(value, dict):
        return _fitting(list(value.items()), lambda items, _left: dict(items))
    if isinstance(value, (list, tuple)):
        return _fitting(list(value), lambda items, left: [*items, f"… and {left} more"] if left else items)
    if isinstance(value, int) and abs(value) >= _INT32_LIMIT:
        return EntityProperty(value, EdmType.INT64)
    return value


def _fitting(items: list[Any], build: Callable[[list[Any], int], Any]) -> str:
    """The JSON of as many items as a property may hold."""
    count = len(items)
    while len(text := json.dumps(build(items[:count], len(items) - count), ensure_ascii=False)) > PROPERTY_LIMIT:
        count = count * 9 // 10
    return text
