"""`python -m localhost masks`: how it shows the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(described: Mapping[str, Any]) -> Iterator[str]:
    """What a job masks, and the files that still hold plain values."""
    masked = ", ".join(f"{name}:{mask}" for name, mask in described["masked_columns"].items())
    if not masked:
        yield f"{described['job_id']} masks no column."
        return
    yield f"{described['job_id']} masks {masked}."
    files = described["plain_files"]
    if not files:
        yield "No file of its tables in the lake holds plain values of them."
        return
    yield f"{len(files)} file(s) in container {described['container']} hold plain values:"
    for file in files:
        yield f"- {file['path']} ({file['size']:,} bytes, {file['written_at'][:19]}): {', '.join(file['columns'])}"
    yield (
        "A full refresh replaces them. Files of a Delta table stay until maintenance removes them "
        "(MAINTENANCE_SCHEDULE, MAINTENANCE_RETENTION_DAYS); soft delete and versions of the storage account keep "
        "them for as long as they say."
    )
