"""What became of a table's columns between two loads, in words for the audit; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def schema_changes(before: Mapping[str, str], after: Mapping[str, str], read: Iterable[str]) -> tuple[str, ...]:
    """One phrase per change; nothing where the table was not known before.

    Args:
        before: Types of the table's columns in the lake before the load, by name.
        after: The same after the load.
        read: The columns that the source had this time.
    """
    if not before:
        return ()
    present = set(read)
    added = [f"column '{name}' added ({after[name]})" for name in after if name not in before]
    changed = [
        f"column '{name}' changed from {before[name]} to {after[name]}"
        for name in after
        if name in before and before[name] != after[name]
    ]
    gone = [f"column '{name}' is gone from the source" for name in before if present and name not in present]
    return (*added, *changed, *gone)
