"""Every type of a column, changed into every other between two loads, with values that fit and values that do not.

PostgreSQL is the judge: what the lake holds, cast to the column's new type, must print as the source prints it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.integration.values.conftest import TableJob

Sql = psycopg.Connection[Any]

TYPES: dict[str, tuple[str, ...]] = {
    "smallint": ("7", "-1", "0"),
    "integer": ("7", "1", "2147483647"),
    "bigint": ("9007199254740993", "9223372036854775807", "0"),
    "numeric(10,2)": ("2.00", "2.50", "-99999999.99"),
    "numeric(14,4)": ("2.2500", "2.2501", "9999999999.0000"),
    "numeric(20,0)": ("7", "99999999999999999999", "-0"),
    "numeric": ("1.5", "12345678901234567.5", "0.000000001"),
    "numeric(40,0)": ("7", "1e39"),
    "real": ("0.5", "0.126", "NaN", "-0"),
    "double precision": ("2", "0.1", "1e300", "Infinity", "-0"),
    "boolean": ("true", "false"),
    "text": ("7", "007", "1.50", "1e1", "true", "t", "2024-01-02", "2024-01-02 03:04:05", "", " 7", "\u0663"),
    "varchar(10)": ("7", "+7", "-0", "2024-1-2", "NaN"),
    "char(4)": ("7", "true"),
    "date": ("2024-01-02", "0001-01-01", "9999-12-31"),
    "timestamp": ("2024-01-02 00:00", "2024-01-02 13:45", "2024-01-02 03:04:05.678901"),
    "timestamptz": ("2024-01-02 00:00Z", "2024-07-02 13:45+02"),
    "time": ("10:00", "23:59:59.999999"),
    "bytea": ("\\x07", "7"),
    "uuid": ("00000000-0000-0000-0000-000000000007",),
    "jsonb": ("7", '{"a": 1.50}', "true", '"7"'),
    "interval": ("1 day",),
}
"""Of each type some values, as it reads them; the first is the one that the table is loaded with."""

FORMATS = ("parquet", "delta")


Cell = tuple[str, str]
"""A type and a value of it, which a column that had another type gets."""


@dataclass
class Changing:
    """A table whose columns have one type in the lake, and then each another one at the source: a column for a cell."""

    sql: Sql
    table: str
    job: TableJob
    old: str
    cells: Sequence[Cell]

    def verdicts(self) -> dict[Cell, bool]:
        """Load the old type, then all new ones at once, then the old type again; whether the lake has taken each cell.

        Either its value is in the lake as PostgreSQL prints it, or the load said why not and has changed nothing.
        """
        self._create()
        self.job.load()
        old = self._lake(1)
        self._change([kind for kind, _ in self.cells])
        self._insert(2, [value for _, value in self.cells])
        refused = self._load_what_fits()
        self._change([self.old] * len(self.cells))
        self._insert(3, [TYPES[self.old][0]] * len(self.cells))
        self.job.load()
        assert self._lake(1) == old, self.old
        assert self._lake(3) == old, f"{self.old} is taken whatever came in between"
        return {cell: n not in refused for n, cell in enumerate(self.cells)}

    def _load_what_fits(self) -> set[int]:
        """Load the new row, without the values that are refused; their columns."""
        refused: set[int] = set()
        while True:
            files = self.job.files()
            error = self.job.attempt().error
            if error is None:
                break
            named = {int(name) for name in re.findall(r"Column 'c(\d+)' holds", error.message)}
            assert error.kind == "source", (self.old, error)
            assert named - refused, (self.old, error)
            assert "full refresh" in error.message, (self.old, error)
            assert self.job.files() == files, (self.old, error)
            refused |= named
            emptied = SQL(", ").join(SQL("{} = NULL").format(Identifier(f"c{n}")) for n in named)
            self.sql.execute(SQL("UPDATE {} SET {} WHERE id = 2").format(Identifier(self.table), emptied))
        row = self._row(2)
        for n, (kind, value) in enumerate(self.cells):
            held = row[f"c{n}"]
            if n in refused:
                assert held is None, (self.old, kind, value, held)
            else:
                assert self._is_the_source_s(held, f"c{n}", kind), (self.old, kind, value, held)
        return refused

    def _create(self) -> None:
        columns = ", ".join(f"c{n} {self.old}" for n in range(len(self.cells)))
        self.sql.execute(f"CREATE TABLE {self.table} (id int PRIMARY KEY, {columns})")
        self._insert(1, [TYPES[self.old][0]] * len(self.cells))

    def _change(self, kinds: Sequence[str]) -> None:
        changes = ", ".join(f"DROP c{n}, ADD c{n} {kind}" for n, kind in enumerate(kinds))
        self.sql.execute(f"ALTER TABLE {self.table} {changes}")

    def _insert(self, number: int, values: Sequence[str]) -> None:
        names = SQL(", ").join(Identifier(f"c{n}") for n in range(len(values)))
        given = SQL(", ").join(SQL("%s") for _ in values)
        query = SQL("INSERT INTO {} (id, {}) VALUES (%s, {})").format(Identifier(self.table), names, given)
        self.sql.execute(query, [number, *values])

    def _lake(self, number: int) -> dict[str, str]:
        """A row in the lake as Python shows it, since NaN is not itself."""
        return {name: repr(value) for name, value in self._row(number).items() if name != "id"}

    def _row(self, number: int) -> dict[str, Any]:
        (row,) = [row for row in self.job.table().to_pylist() if row["id"] == number]
        return row

    def _is_the_source_s(self, value: Any, column: str, new: str) -> bool:
        if value is None:
            return False
        if isinstance(value, datetime) and (value.tzinfo is None) != (new != "timestamptz"):
            return False  # PostgreSQL casts one into the other by dropping the zone
        text = _printed(value, new)
        same = "{}::text::{}::text = {}::text"
        if new.startswith("numeric") or new.endswith("int") or new == "integer":  # 1.5 is 1.50, 7.00 is 7
            same, new = "{}::text::{} = {}", "numeric"
        compared = SQL("SELECT " + same + " FROM {} WHERE id = 2").format(
            Literal(text), SQL(new), Identifier(column), Identifier(self.table)
        )
        found = self.sql.execute(compared).fetchone()
        return bool(found and found[0])


def _printed(value: Any, new: str) -> str:
    """A value of the lake in a form that PostgreSQL casts to the new type."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, bool) and _is_number(new):
        return str(int(value))
    if new == "boolean" and value in (0, 1):
        return str(bool(value))
    if isinstance(value, float):
        return str(value).removesuffix(".0")  # as PostgreSQL prints it
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_number(kind: str) -> bool:
    return kind.startswith(("numeric", "double", "real")) or kind.endswith("int") or kind == "integer"


def sample() -> list[tuple[str, str, str]]:
    """Each type once as the old and once as the new one, in one of the formats: a quick part of it."""
    names = list(TYPES)
    pairs = zip(names, names[7:] + names[:7], strict=True)
    return [(old, new, FORMATS[zlib.crc32(f"{old} {new}".encode()) % 2]) for old, new in pairs]
