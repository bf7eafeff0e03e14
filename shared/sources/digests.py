"""Digests of rows, equal for equal values however a load spells them."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

DIGEST_BYTES = 16
_EXACT_INTEGERS = float(2**53)  # of a double


def row_digests(table: pa.Table, columns: Iterable[str]) -> list[bytes]:
    """A digest of each row's values in `columns`, regardless of the order of the columns.

    NULL counts as no value: a column that a table does not have, and one that is NULL, make the same digest. A number
    is the same number as an integer, a decimal of any scale and a double; a date is its midnight.
    """
    present = sorted(set(columns) & set(table.column_names))
    if not present or table.num_rows == 0:
        return [bytes(DIGEST_BYTES)] * table.num_rows
    values = [_named(name, _as_bytes(table.column(name))) for name in present]
    separator = pa.scalar(b",", pa.large_binary())
    rows = pc.binary_join_element_wise(*values, separator, null_handling="skip")
    return [blake2b(row.as_buffer(), digest_size=DIGEST_BYTES).digest() for row in rows]


def _named(name: str, values: Any) -> Any:
    """Each value with its column's name and both lengths, so that no value can look like the end of another."""
    prefix = pa.scalar(f"{len(name)}:{name}".encode(), pa.large_binary())
    lengths = pc.cast(pc.binary_length(values), pa.string()).cast(pa.large_binary())
    separator = pa.scalar(b"=", pa.large_binary())
    return pc.binary_join_element_wise(prefix, lengths, values, separator, null_handling="emit_null")


def _as_bytes(column: Any) -> Any:
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_date(kind):
        column = pc.multiply(column.cast(pa.int32()).cast(pa.int64()), pa.scalar(86_400_000_000))
    elif pa.types.is_temporal(kind):
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_floating(kind):
        column = _floats_as_text(column)
    elif pa.types.is_decimal(kind):
        column = pc.replace_substring_regex(column.cast(pa.string()), r"(\.\d*?)0+$", r"\1")
        column = pc.replace_substring_regex(column, r"\.$", "")
    return column.cast(pa.string()).cast(pa.large_binary())


def _floats_as_text(column: Any) -> Any:
    whole = pc.and_(pc.less(pc.abs(column), pa.scalar(_EXACT_INTEGERS)), pc.equal(pc.trunc(column), column))
    integers = pc.cast(pc.if_else(whole, column, pa.scalar(None, column.type)), pa.int64()).cast(pa.string())
    return pc.coalesce(integers, column.cast(pa.string()))
