"""`python -m localhost discover`: what it asks the app for, and how it shows the answer."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from shared.models.discovery import Discovered

_CELLS = ("load_type", "watermark_column", "primary_key")
_COLOURS = {"new": "green", "changed": "yellow", "gone": "red", "left out": "dim"}


def body(into: Path | None, openapi: str | None, **wanted: str | bool | None) -> dict[str, Any]:
    """The JSON body of the request; what was not said is left out.

    Args:
        into: A workbook whose rows stay.
        openapi: An address, or a file, which is sent.
        wanted: The other fields.
    """
    document = Path(openapi) if openapi else None
    is_file = document is not None and "://" not in str(openapi) and document.is_file()
    given = {
        **wanted,
        "workbook": b64encode(into.read_bytes()).decode() if into else None,
        "openapi": document.read_text(encoding="utf-8-sig") if document and is_file else openapi,
    }
    return {name: value for name, value in given.items() if value is not None}


def workbook_of(discovered: Mapping[str, Any]) -> bytes:
    """The workbook of an answer."""
    return b64decode(discovered["workbook"])


def table(discovered: Mapping[str, Any]) -> Table:
    """One line for each table or endpoint."""
    shown = Table("table", "status", *_CELLS, "rows", box=None)
    shown.columns[-1].justify = "right"
    for one in _found(discovered):
        shown.add_row(
            Text(one.name, overflow="fold"),
            Text(one.status, style=_COLOURS.get(one.status, "")),
            *(Text(str(one.cells.get(name, "")), overflow="fold") for name in _CELLS),
            _rows(one),
        )
    return shown


def lines(discovered: Mapping[str, Any], file: Path) -> Iterator[str]:
    """What deserves a look, and what to do next."""
    for one in _found(discovered):
        if one.note:
            yield f"- {one.name}: {one.note}"
        elif "CHECK" in (reason := one.reasons.get("load_type", "")):
            yield f"- {one.name}: {reason}"
    counts = discovered["counts"]
    counted = ", ".join(f"{counts[status]} {status}" for status in counts) or "nothing"
    place = f"{discovered['source_name']}.{discovered['schema_name']}" if discovered["schema_name"] else ""
    yield f"Wrote {file}: {counted} in {place or discovered['source_name']}. Its sheet Discovery has every reason."
    yield f"Look at the rows, then: python -m localhost run --workbook {file}"


def _found(discovered: Mapping[str, Any]) -> Iterator[Discovered]:
    """What the answer says of each; it leaves out what there is nothing to say of."""
    return map(Discovered.model_validate, discovered["found"])


def _rows(one: Discovered) -> str:
    if one.rows is None:
        return ""
    sign = {"estimate": "~", "at least": "≥"}.get(one.rows_are, "")
    return f"{sign}{one.rows:,}"
