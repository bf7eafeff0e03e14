"""Which names a cell means: those of columns, and `table_name` and `excluded_tables` with a wildcard; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a name matches one of the patterns: `*` is any number of characters, and case is ignored."""
    folded = name.casefold()
    return any(_matches(pattern.casefold(), folded) for pattern in patterns)


def names_column(patterns: Iterable[str], name: str, columns: Collection[str]) -> bool:
    """Whether a column is named by one of the patterns.

    A pattern that is the exact name of a column means that column alone, even if another differs in case only.

    Args:
        patterns: As the cell lists them.
        name: The column.
        columns: All columns beside which it is, itself included.
    """
    return any(pattern == name if pattern in columns else matches([pattern], name) for pattern in patterns)


def is_chosen(included: Collection[str], excluded: Collection[str], name: str, columns: Collection[str]) -> bool:
    """Whether `included_columns` and `excluded_columns` leave a column; arguments as in `names_column`."""
    return (not included or names_column(included, name, columns)) and not names_column(excluded, name, columns)


def _matches(pattern: str, name: str) -> bool:
    """In one pass: a regular expression with many `.*` could try every way to divide the name among them."""
    first, *parts = pattern.split("*")
    if not parts:
        return pattern == name
    *between, last = parts
    if not name.startswith(first) or len(name) < len(first) + len(last) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in between:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
