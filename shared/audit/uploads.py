"""The audit table: what every run and every job did, readable with any Table Storage client.

| PartitionKey | RowKey | holds |
| --- | --- | --- |
| run_id | job_id | the last attempt of one job of one run |
| `job:{job_id}` | inverted start of the run, run_id | the same row as a job's history, newest first |
| `latest` | job_id | the same row again: the last run of every job in one partition |
| `succeeded` | job_id | and again where it succeeded: the last good load of every job |
| `runs` | inverted start, run_id | one run |
| `workbook` | inverted time, SHA-256 | one upload: activated or refused, and why; one rollback |
| `cancelled` | run_id | the wish that a run be cancelled |
| `housekeeping` | inverted time | one tick of the housekeeping: what it removed |
| `maintenance` | inverted time, job_id, a number | one Delta table: what a maintenance did to it |
| `incident` | kind and subject | what is broken and whether somebody was told (`shared/notifications`) |
| `calls` | inverted time, a random part | one call that may change something: who asked, and how it was answered |
| `request` | request_id | one order of the sheet Requests: which run carries it out, and how that ended |

Every row is an upsert under a key that follows from its content: whoever writes it again writes the same row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.data.tables import UpdateMode

from shared.activation.uploads import Activation, Outcome
from shared.audit.properties import as_properties, as_row, without_keys
from shared.audit.table import WORKBOOK, audit_table, newest_first

_ROLLBACK = "-rollback"  # at the end of a row's key


PROBLEMS_LIMIT = 50  # of one upload; all of them stand in its problems.json


def record_activation(activation: Activation) -> None:
    """Write what became of an upload, or that an earlier version was brought back."""
    status = activation.outcome.value
    if activation.outcome is Outcome.UNCHANGED:  # handled again: its row says how it became active
        status = Outcome.ACTIVATED.value
    key = _key(activation)
    if activation.outcome is Outcome.ROLLED_BACK:
        key += _ROLLBACK  # an upload of the same workbook that follows has a row of its own
    details = {
        "uploaded_by": activation.uploaded_by,
        "changes": activation.changes.summary() if activation.changes else None,
        "problem_count": len(activation.problems),
        "problems": [str(problem) for problem in activation.problems[:PROBLEMS_LIMIT]] or None,
        "warning_count": len(activation.warnings),
        "refused_folder": activation.refused_folder,
    }
    row = {"PartitionKey": WORKBOOK, "RowKey": key, "sha256": activation.sha256, "status": status}
    audit_table().upsert_entity(row | {"time": activation.at} | as_properties(details), mode=UpdateMode.REPLACE)


def has_row(activation: Activation) -> bool:
    """Whether the table says what became of an upload, or that its version was brought back."""
    query = "PartitionKey eq @workbook and (RowKey eq @key or RowKey eq @rollback)"
    key = _key(activation)
    parameters = {"workbook": WORKBOOK, "key": key, "rollback": f"{key}{_ROLLBACK}"}
    return any(True for _ in audit_table().query_entities(query, parameters=parameters))


def _key(activation: Activation) -> str:
    return f"{newest_first(activation.at)}-{activation.sha256[:12]}"


def refused_uploads() -> Iterator[dict[str, Any]]:
    """The uploads of the workbook that were refused with their problems, newest first."""
    query, parameters = "PartitionKey eq @workbook and status eq 'REFUSED'", {"workbook": WORKBOOK}
    for row in map(as_row, audit_table().query_entities(query, parameters=parameters)):
        yield without_keys(row, "status")
