"""All functions, aggregates and collations of T-SQL, given to SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from . import dates, functions
from . import kinds as k
from .aggregates import ChecksumSum, DecimalSum, StringSum, WholeSum
from .functions import by_code_unit, heeding_case, ignoring_case, t_newid, t_random


def register(connection: sqlite3.Connection, guard: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Give all of these to SQLite; `guard` keeps the error that one of them raises."""
    pure: dict[str, Callable[..., Any]] = {
        name: found
        for module in (functions, dates)
        for name, found in vars(module).items()
        if name.startswith("t_") and name not in ("t_newid", "t_random")
    }  # fmt: skip
    for name, function in pure.items():
        connection.create_function(name, -1, guard(function), deterministic=True)
    connection.create_function("t_newid", 0, t_newid)
    connection.create_function("t_random", 0, t_random)
    connection.create_function(
        "t_utc", 1, lambda value: None if value is None else k.zoned_value(value)[0], deterministic=True
    )
    for name, made, count in (
        ("t_dec_sum", DecimalSum, 2), ("t_int_sum", WholeSum, 3), ("t_check_sum", ChecksumSum, 1), ("t_join",
        StringSum, 2),
    ):  # fmt: skip
        finalize = guard(made.finalize)
        connection.create_aggregate(name, count, type(name, (made,), {"finalize": finalize}))
    for name, compare in (("no_case", ignoring_case), ("with_case", heeding_case), ("by_unit", by_code_unit)):
        connection.create_collation(name, compare)
