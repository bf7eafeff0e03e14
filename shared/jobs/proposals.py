"""What a row of the workbook should say of a table that was found in a source; pure.

A proposal is safe before it is fast: a table is loaded FULL unless a column shows every change of its rows, or it is
so large that only its new rows can be loaded, which the reason then says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from shared.models.discovery import FoundColumn, FoundTable

LARGE_ROWS = 1_000_000
"""From here on a table without a column that shows changes is loaded by its new rows alone."""

LATE_SECONDS = 3600
"""How long a transaction may take whose rows the next load still finds."""

LATE_NUMBERS = 1000
"""How many numbers may be given out and not yet committed."""

NIGHTLY, HOURLY = "0 2 * * *", "0 * * * *"
TIMER_IS_RARER = "Blank: with every tick of the app's timer, which is rarer than the schedule that suits the load."
_READERS = ((32 << 30, 8), (4 << 30, 4), (1 << 30, 2))  # bytes, and how many share them

_BEFORE = r"(?:last|row|record|rec|sys|system|date|dt|time|ts|etl|db|tbl)*"
_AFTER = r"(?:on|at|date|time|ts|dt|utc|gmt|stamp|tm|tms)*"
UPDATED = re.compile(rf"{_BEFORE}(?:updated?|modified|modify|modification|changed?|upd|mod|edited){_AFTER}")
_CREATED = re.compile(
    rf"{_BEFORE}(?:created?|creation|inserted?|added|logged|received|occurred|event|recorded|ins|crt){_AFTER}"
    r"|timestamp|ts"
)

_Holds = Callable[[FoundColumn], bool]


def _named(pattern: re.Pattern[str]) -> _Holds:
    return lambda column: (
        column.holds in ("time", "date") and bool(pattern.fullmatch(re.sub(r"[^a-z]", "", column.name.lower())))
    )


_SHOWS_CHANGES: tuple[tuple[_Holds, str], ...] = (
    (lambda column: column.holds == "version", "the database counts it up with every change, in the order of commits"),
    (_named(UPDATED), "its name says that it is the time of the last change; see that the application always sets it"),
)
_SHOWS_NEW_ROWS: tuple[tuple[_Holds, str], ...] = (
    (_named(_CREATED), "its name says that it is the time at which a row was made"),
    (lambda column: column.holds == "whole number" and column.is_generated, "the database counts it up for new rows"),
)


@dataclass(frozen=True)
class Proposal:
    """The cells of a row by column, and the reason of each that has one."""

    cells: dict[str, str | int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def set(self, column: str, value: str | int, reason: str) -> None:
        """Propose a cell."""
        self.cells[column] = value
        self.reasons[column] = reason


def watermark_candidates(table: FoundTable) -> list[FoundColumn]:
    """The columns that only grow and may be a watermark, the best first: what shows changes before what shows new rows.

    Of two that show the same, the one that an index begins with comes first, then the one that is never NULL.
    """
    found = [(_rank(column), not column.is_indexed, column.nullable, n) for n, column in enumerate(table.columns)]
    return [table.columns[n] for rank, _, _, n in sorted(found) if rank < _NONE]


def propose(table: FoundTable, readers: bool, schedules: Collection[str]) -> Proposal:
    """The cells of a table's row, but for where it is and where it goes.

    Args:
        table: What was found of it.
        readers: Whether several readers of the source can share a table.
        schedules: Those of `NIGHTLY` and `HOURLY` that the app's timer is fine enough for.
    """
    proposal = Proposal()
    key = _key(table)
    if key:
        proposal.set("primary_key", ", ".join(key), "The primary key of the table.")
    cursor, why = _watermark(table, bool(key))
    proposal.set("load_type", "INCREMENTAL" if cursor else "FULL", why)
    if cursor:
        _by_watermark(proposal, table, cursor, bool(key))
    size, shown = table.size_bytes or 0, _megabytes(table.size_bytes)
    share = next((number for least, number in _READERS if size >= least), 1) if readers else 1
    if share > 1:
        proposal.set("parallelism", share, f"The table has about {shown}, which {share} readers share.")
    if (HOURLY if cursor else NIGHTLY) not in schedules:
        proposal.reasons["schedule"] = TIMER_IS_RARER
    elif cursor:
        proposal.set("schedule", HOURLY, "A load reads new rows only, so that it can run every hour.")
    else:
        proposal.set("schedule", NIGHTLY, f"All of the table ({rows_text(table)}) is read, once a night.")
    return proposal


def rows_text(table: FoundTable) -> str:
    """The number of a table's rows with how it was found."""
    if table.rows is None:
        return "rows not counted"
    prefix = {"estimate": "about ", "at least": "at least "}.get(table.rows_are, "")
    return f"{prefix}{table.rows:,} row{'' if table.rows == 1 else 's'}"


def _by_watermark(proposal: Proposal, table: FoundTable, cursor: FoundColumn, has_key: bool) -> None:
    where = "an index begins with it" if cursor.is_indexed else "no index begins with it, so each load reads all pages"
    nulls = "; it may be NULL by its definition, and a load fails as soon as a row has none" if cursor.nullable else ""
    proposal.set("watermark_column", cursor.name, f"{cursor.type}: {_reason(cursor)}; {where}{nulls}.")
    is_plain = any("`" in column.name for column in table.columns)
    if not has_key or is_plain:
        return
    proposal.set("table_format", "delta", "A row that changed replaces the one before, by primary_key.")
    if cursor.holds == "whole number":
        late = f"Rows whose transaction commits late: up to {LATE_NUMBERS} numbers back. docs/types.md, Late commits."
        proposal.set("lookback", LATE_NUMBERS, late)
    elif cursor.holds in ("time", "date"):
        late = "Rows whose transaction commits late: longer than the longest transaction. docs/types.md, Late commits."
        proposal.set("lookback", LATE_SECONDS, late)


def _watermark(table: FoundTable, has_key: bool) -> tuple[FoundColumn | None, str]:
    """The watermark column, None for a FULL load, and why."""
    candidates = watermark_candidates(table)
    usable = [column for column in candidates if not column.nullable or column.has_nulls is False]
    changes = next((column for column in usable if _rank(column) < len(_SHOWS_CHANGES)), None)
    plain = any("`" in column.name for column in table.columns)
    if changes and has_key and not plain:
        return (
            changes,
            f"{changes.name} shows new and changed rows. Rows deleted at the source stay: see detect_deletes.",
        )
    new = next((column for column in usable if _rank(column) >= len(_SHOWS_CHANGES)), None)
    if new and (table.rows or 0) >= LARGE_ROWS:
        return new, (
            f"{rows_text(table).capitalize()} are too many to read every time. CHECK: {new.name} shows new rows only; "
            "if rows change after they were made, load the table FULL or choose a column that shows it."
        )
    return None, _why_full(table, changes, new, [column for column in candidates if column not in usable], has_key)


def _why_full(
    table: FoundTable, changes: FoundColumn | None, new: FoundColumn | None, null: list[FoundColumn], has_key: bool
) -> str:
    if table.is_view:
        return "A view: what its rows are by, and whether a column only grows, cannot be known."
    if changes and not has_key:
        return f"{changes.name} shows changed rows, but the table has no primary key by which they could be updated."
    if changes:
        return f"{changes.name} shows changed rows, but a column has a ` in its name, so that Delta cannot update them."
    if new:
        return (
            f"{new.name} only grows, but shows new rows only: a changed row would stay as it was. If rows "
            f"never change, INCREMENTAL by {new.name} reads less."
        )
    if null:
        return f"{null[0].name} is NULL in some rows, which an INCREMENTAL load would never see."
    return "No column of the table shows which rows are new or changed."


_NONE = len(_SHOWS_CHANGES) + len(_SHOWS_NEW_ROWS)


def _rank(column: FoundColumn) -> int:
    """The place of a column among those that only grow; `_NONE` if it is none of them."""
    if not column.is_ordered or not _can_be_written(column.name):
        return _NONE
    tests = (*_SHOWS_CHANGES, *_SHOWS_NEW_ROWS)
    return next((number for number, (test, _) in enumerate(tests) if test(column)), _NONE)


def _reason(column: FoundColumn) -> str:
    return (*_SHOWS_CHANGES, *_SHOWS_NEW_ROWS)[_rank(column)][1]


def _key(table: FoundTable) -> tuple[str, ...]:
    """The primary key; nothing if a cell cannot name its columns."""
    is_list = all(_can_be_written(name) and "," not in name for name in table.primary_key)
    return table.primary_key if is_list and not table.is_view else ()


def _can_be_written(name: str) -> bool:
    return name == name.strip() and not re.search(r"[\n\r\t]", name)


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1_000_000:,.0f} MB"


def changed_cells(cells: Mapping[str, object], table: FoundTable) -> dict[str, str]:
    """What of a row does not fit the table any more, by column.

    Args:
        cells: The typed values of a row that was there before.
        table: The table as it is now.
    """
    if not table.columns:
        return {}
    columns = {column.name.casefold(): column for column in table.columns}
    found: dict[str, str] = {}
    for name in ("primary_key", "partition_by", "watermark_column", "partition_column"):
        wanted = cells.get(name)
        names = (wanted,) if isinstance(wanted, str) else wanted if isinstance(wanted, tuple) else ()
        if gone := [one for one in names if str(one).casefold() not in columns]:
            found[name] = f"'{gone[0]}' is no column of the table any more."
    key, own = cells.get("primary_key"), _key(table)
    is_other = isinstance(key, tuple) and {str(one).casefold() for one in key} != {one.casefold() for one in own}
    if is_other and key and own and "primary_key" not in found:
        found["primary_key"] = f"The primary key of the table is {', '.join(own)} now."
    cursor = columns.get(str(cells.get("watermark_column")).casefold())
    if cells.get("load_type") == "INCREMENTAL" and cursor and not cursor.is_ordered:
        found["watermark_column"] = f"'{cursor.name}' is {cursor.type} now, which cannot be a watermark_column."
    return found
