"""Every type of a column, changed into every other between two loads, with values that fit and values that do not.

PostgreSQL is the judge: what the lake holds, cast to the column's new type, must print as the source prints it.
"""

from __future__ import annotations

import zlib
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


@dataclass
class Changing:
    """A table whose column `v` has one type in the lake, and then any other at the source."""

    sql: Sql
    table: str
    job: TableJob
    old: str
    rows: int = 1

    def begin(self) -> None:
        """Load it with the old type."""
        self.sql.execute(f"CREATE TABLE {self.table} (id int PRIMARY KEY, v {self.old})")
        self._insert(1, TYPES[self.old][0])
        self.job.load()
        self.rows = 1

    def take(self, new: str, value: str) -> bool:
        """Change the column's type and load a value of it; whether the lake has taken it.

        Either it is in the lake as PostgreSQL prints it, or the load said why not and has changed nothing.
        """
        before = self._lake()
        self.sql.execute(f"ALTER TABLE {self.table} DROP v; ALTER TABLE {self.table} ADD v {new}")
        number = self.rows + 1
        self._insert(number, value)
        result = self.job.attempt()
        where = (self.old, new, value)
        if result.error is not None:
            assert result.error.kind == "source", (where, result.error)
            assert "Column 'v' holds" in result.error.message, (where, result.error)
            assert "full refresh" in result.error.message, (where, result.error)
            assert self._lake() == before, where
            self.sql.execute(f"DELETE FROM {self.table} WHERE id = {number}")
            return False
        self.rows = number
        after = self._lake()
        held = after.pop(number)
        assert after == before, where
        assert self._is_the_source_s(held, new, number), (where, held)
        return True

    def _insert(self, number: int, value: str) -> None:
        self.sql.execute(SQL("INSERT INTO {} (id, v) VALUES (%s, %s)").format(Identifier(self.table)), [number, value])

    def _lake(self) -> dict[int, str]:
        """The values in the lake by id, as Python shows them, since NaN is not itself."""
        return {number: repr(value) for number, value in self._values().items()}

    def _values(self) -> dict[int, Any]:
        return {row["id"]: row["v"] for row in self.job.table().to_pylist()}

    def _is_the_source_s(self, held: str, new: str, number: int) -> bool:
        value = self._values()[number]
        assert repr(value) == held
        if isinstance(value, datetime) and (value.tzinfo is None) != (new != "timestamptz"):
            return False  # PostgreSQL casts one into the other by dropping the zone
        text = _printed(value, new)
        same = "{}::text::{}::text = v::text"
        if new.startswith("numeric") or new.endswith("int") or new == "integer":  # 1.5 is 1.50, 7.00 is 7
            same, new = "{}::text::{} = v", "numeric"
        compared = SQL("SELECT " + same + " FROM {} WHERE id = {}").format(
            Literal(text), SQL(new), Identifier(self.table), Literal(number)
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
