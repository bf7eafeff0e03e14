"""Who asked for what: a row of the audit table for every call that may change something.

| PartitionKey | RowKey |
| --- | --- |
| `calls` | inverted time and a random part |

The row is written before the call is carried out, so that nothing changes without one, and again with the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from azure.data.tables import UpdateMode

from shared.audit.properties import as_properties
from shared.audit.table import CALLS, audit_table, newest_first


def open_call(route: str, caller: str, subjects: Mapping[str, str]) -> str:
    """Write that a call has come in; returns the row's key, for `close_call`.

    Args:
        route: Method and path as the docs write them.
        caller: See `shared.api.caller`.
        subjects: The run or job that the path names, by `run_id` or `job_id`.
    """
    now = datetime.now(UTC)
    key = f"{newest_first(now)}-{secrets.token_hex(4)}"
    row = {"PartitionKey": CALLS, "RowKey": key, "time": now, "route": route, "caller": caller, **subjects}
    audit_table().upsert_entity(as_properties(row), mode=UpdateMode.REPLACE)
    return key


def close_call(key: str, answer_status: int, run_id: str | None = None) -> None:
    """Write how a call was answered, and the run that it started."""
    row = {"PartitionKey": CALLS, "RowKey": key, "answer_status": answer_status, "run_id": run_id}
    audit_table().upsert_entity(as_properties(row), mode=UpdateMode.MERGE)
