"""`_manifest.json`: the files of a plain Parquet table as of its last committed load.

It is in the table's folder and is written after the commit, in one piece: a reader that takes its files from here,
and reads it again when one of them is gone, never sees other than one whole version of the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

MANIFEST = "_manifest.json"

KEPT_MANIFEST = "_manifest_kept.json"
"""As the manifest was when records of earlier loads were removed, from which a lost one would be made again."""

HEAD_BYTES = 256
"""Of a manifest, which begins with its load."""

_FILES, _END = b'"files": [', b"]}"
_LOAD_ID = re.compile(rb'\s*\{\s*"load_id":\s*"(?P<load_id>[\d.]+)"')


def load_of(head: bytes) -> str | None:
    """The load of a manifest by its first bytes, so that a long one need not be read; None if they do not say it."""
    match = _LOAD_ID.match(head)
    return match["load_id"].decode() if match else None


def next_manifest(table_name: str, earlier: bytes | None, record: Mapping[str, Any]) -> bytes | None:
    """The manifest of a table after a load; None where the earlier one has that load already.

    The files that it names already are copied as text: a table that has loaded for years has tens of thousands.

    Args:
        table_name: The table.
        earlier: Its manifest before, None where there was none.
        record: The load's record, with `tables`: for each, whether it was `replaced` and its new `files`, each with
            path (relative to the table's folder), rows and bytes; of a compaction also the paths that it `joined`.
    """
    before, files = _divided(earlier) if earlier else ({}, b"")
    if before.get("load_id") == record["load_id"]:
        return None
    load = record["tables"].get(table_name, {"replaced": False, "files": []})
    rows = before.get("rows", 0)
    if load["replaced"]:
        rows, files = 0, b""
    if joined := load.get("joined"):
        return _written(record, rows, _with_joined(files, frozenset(joined), load["files"]))
    new = json.dumps(load["files"]).encode()[1:-1]
    both = b", ".join(part for part in (files, new) if part)
    return _written(record, rows + sum(file["rows"] for file in load["files"]), both)


def _written(record: Mapping[str, Any], rows: int, files: bytes) -> bytes:
    head = {
        "load_id": record["load_id"],
        "run_id": record.get("run_id"),
        "committed_at": record["inserted_at"],
        "schema_version_hash": record["schema_version_hash"],
        "rows": rows,
        "watermark": record.get("watermark_after"),
        "files": [],
    }
    return json.dumps(head).encode().removesuffix(_END) + files + _END


def _with_joined(files: bytes, paths: frozenset[str], joined: Sequence[Mapping[str, Any]]) -> bytes:
    """The files of a manifest after some were joined: what has their rows is in the place of the first of them."""
    after: list[Mapping[str, Any]] = []
    waiting = joined
    for file in json.loads(b"[" + files + b"]"):
        if file["path"] in paths:
            after += waiting
            waiting = ()
        else:
            after.append(file)
    return json.dumps(after).encode()[1:-1]


def _divided(manifest: bytes) -> tuple[dict[str, Any], bytes]:
    """A manifest without its files, and these as they are written there."""
    head, begins, files = manifest.partition(_FILES)
    if begins and files.endswith(_END):  # as it was written here; no text in JSON has a quote without a backslash
        return json.loads(head + _FILES + _END), files.removesuffix(_END)
    known = json.loads(manifest)
    return known, json.dumps(known["files"]).encode()[1:-1]
