"""How the demo prints what it found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from localhost.demo_lake import COMPARED_COLUMNS, COMPARISON, LakeFile, Rows
from localhost.run_view import size

_SHOWN_ROWS = 5
_AUDIT_COLUMNS = ("PartitionKey", "RowKey", "status", "rows_written", "watermark_after")


@contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """Show that a step is running, and how long it took once it is done."""
    started = time.monotonic()
    with console.status(f"{title} …"):
        yield
    console.print(f"[green]✓[/] {title} ({time.monotonic() - started:.1f} s)")


def lake(files: Sequence[LakeFile]) -> Group:
    """The tables' files one by one, and what dlt keeps beside them as a sum."""
    table = Table("File")
    table.add_column("Size", justify="right")
    for file in files:
        if file.table:
            table.add_row(file.name, size(file.size))
    others = [file for file in files if not file.table]
    table.add_row(f"{len(others)} small files with dlt's state and load records", size(sum(o.size for o in others)))
    return Group("\nThe lake:", table)


def audit(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Audit rows as Table Storage holds them, keys first."""
    table = Table()
    for column in _AUDIT_COLUMNS:
        table.add_column(column, justify="right" if column == "rows_written" else "left")
    for row in rows:
        table.add_row(*(_cell(row.get(column, "")) for column in _AUDIT_COLUMNS))
    return Group("\nThe audit, read back from Table Storage:", table)


def comparison(rows: Rows) -> Group:
    """The query that PostgreSQL and the lake answered, and the first rows of the lake's answer."""
    table = Table(COMPARED_COLUMNS[0])
    for column in COMPARED_COLUMNS[1:]:
        table.add_column(column, justify="right")
    for name, *numbers in rows[:_SHOWN_ROWS]:
        table.add_row(name, *map(_cell, numbers))
    table.add_row(f"… {len(rows) - _SHOWN_ROWS} more", *[""] * (len(COMPARED_COLUMNS) - 1))
    return Group(f"\nOne query, over the Parquet files and in PostgreSQL:\n\n{COMPARISON}\n", table)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
