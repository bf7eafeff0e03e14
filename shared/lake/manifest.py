"""`_manifest.json`: the files of a plain Parquet table as of its last committed load.

It is in the table's folder and is written after the commit, in one piece: a reader that takes its files from here,
and reads it again when one of them is gone, never sees other than one whole version of the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MANIFEST = "_manifest.json"

HEAD_BYTES = 256
"""Of a manifest, which begins with its load."""

_LOAD_ID = re.compile(rb'\s*\{\s*"load_id":\s*"(?P<load_id>[\d.]+)"')


def load_of(head: bytes) -> str | None:
    """The load of a manifest by its first bytes, so that a long one need not be read; None if they do not say it."""
    match = _LOAD_ID.match(head)
    return match["load_id"].decode() if match else None


def next_manifest(table_name: str, earlier: dict[str, Any] | None, record: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a table after a load; `earlier` itself where it has that load already.

    Args:
        table_name: The table.
        earlier: Its manifest before, None where there was none.
        record: The load's record, with `tables`: for each, whether it was `replaced` and its new `files`, each with
            path (relative to the table's folder), rows and bytes.
    """
    if earlier and earlier["load_id"] == record["load_id"]:
        return earlier
    load = record["tables"].get(table_name, {"replaced": False, "files": []})
    files = [*(earlier["files"] if earlier and not load["replaced"] else []), *load["files"]]
    return {
        "load_id": record["load_id"],
        "run_id": record.get("run_id"),
        "committed_at": record["inserted_at"],
        "schema_version_hash": record["schema_version_hash"],
        "rows": sum(file["rows"] for file in files),
        "watermark": record.get("watermark_after"),
        "files": files,
    }
