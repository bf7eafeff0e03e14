"""What a storage request is for, by its method, address and body; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.audit.table import PARTITIONS

_LAKE_STAGES = (
    ("_dlt_loads/", "record"),
    ("_dlt_pipeline_state/", "state"),
    ("_dlt_version/", "schema"),
    ("_manifest.json", "manifest"),
    ("/_delta_log/", "delta log"),
    (".parquet", "data file"),
)
_PARTITIONS = {
    "ledger:": "ledger row",
    "job:": "history row",
    "latest": "latest row",
    "runs": "run row",
    "rewind:": "rewind row",
}
_KEY = re.compile(r"PartitionKey='(?P<partition>[^']*)'")


@dataclass(frozen=True)
class StorageRequest:
    """One request to blob or table storage."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def stage(self) -> str:
        """What it is for, such as `write record`, `delete data file`, `acquire lease`, `list` or `other`."""
        if partition := self._partition:
            return self._row_stage(partition)
        if self.query.get("comp") == "lease":
            return f"{self.headers.get('x-ms-lease-action', '')} lease"
        if self.query.get("comp") == "metadata" and "x-ms-lease-id" in self.headers:
            return "name lease" if "x-ms-meta-run_id" in self.headers else "unname lease"
        if self.query.get("comp") == "list":
            return "list"
        kind = next((stage for part, stage in _LAKE_STAGES if part in self.path), None)
        verb = {"PUT": "write", "GET": "read", "DELETE": "delete"}.get(self.method)
        return f"{verb} {kind}" if kind and verb else "other"

    @property
    def _partition(self) -> str | None:
        """Of the row that is written or read; a new row is posted to the table, with its key in the body."""
        if row := _KEY.search(self.path):
            return row["partition"]
        if self.method == "POST" and b'"PartitionKey"' in self.body:
            return str(json.loads(self.body)["PartitionKey"]) if self.body.startswith(b"{") else None
        return None

    def _row_stage(self, partition: str) -> str:
        if self.method not in ("PUT", "PATCH", "MERGE", "POST"):
            return "other"
        for prefix, stage in _PARTITIONS.items():
            if partition.startswith(prefix):
                return stage
        if partition in PARTITIONS:  # of calls, uploads …
            return "other"
        return "progress row" if json.loads(self.body)["status"] == "RUNNING" else "audit row"
