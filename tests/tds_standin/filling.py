"""Rows for large tables, made fast and in a way that a test can foretell."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from . import kinds as k
from .decoding import variant
from .engine import Engine
from .kinds import Kind
from .schema import Table


def counted_rows(engine: Engine, table: Table, count: int) -> Iterator[tuple[Any, ...]]:
    """Row n (from 1) has n in its numbers, n / 10**scale in decimals, "name n" in texts, n s after 2020 in times."""
    makers = [_maker(engine, column.kind) for column in table.columns]
    if any(column.identity for column in table.columns):
        table.identity_value = count
    return (tuple(make(number) for make in makers) for number in range(1, count + 1))


def _maker(engine: Engine, kind: Kind) -> Callable[[int], Any]:
    family, start = kind.family, 737_424 * k.DAY  # 2020-01-01
    if kind.name == "timestamp":

        def version(number: int) -> bytes:
            engine.row_version += 1
            return engine.row_version.to_bytes(8, "big")

        return version
    if family == "int":
        _low, high, _ = k.WHOLE[kind.name]
        return lambda number: number if number <= high else number % (high + 1)
    if family == "dec":
        unit, limit = 10 ** (38 - kind.scale if "money" not in kind.name else 34), 10 ** min(kind.digits[0], 18)
        return lambda number: (number % limit * unit + k.BIAS).to_bytes(32, "big")
    if family == "char":
        length = None if kind.is_max else kind.length
        return lambda number: f"name {number}"[:length]
    makers: dict[str, Callable[[int], Any]] = {
        "float": float, "bin": lambda number: number.to_bytes(8, "big"),
        "time": lambda number: number * 10_000_000 % k.DAY,
        "moment": lambda number: start + number * 10_000_000,
        "zoned": lambda number: k.zoned_stored(start + number * 10_000_000, 60),
        "guid": lambda number: k.guid_stored(uuid.UUID(int=number)), "variant": lambda number: variant(k.BIGINT,
        number),
    }  # fmt: skip
    if kind.name in ("date", "smalldatetime"):
        unit = k.DAY if kind.name == "date" else 600_000_000
        return lambda number: start + number % 20_000 * unit
    return makers.get(family, lambda number: None)
