"""What is recorded of uploads: activated or refused, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.data.tables import UpdateMode

from shared.activation.uploads import Activation, Outcome
from shared.audit.properties import as_properties, as_row, without_keys
from shared.audit.table import WORKBOOK, audit_table, newest_first

_ROLLBACK = "-rollback"  # at the end of a row's key


PROBLEMS_LIMIT = 50  # of one upload; its problems.json has all of them


def record_activation(activation: Activation) -> None:
    """Write what became of an upload, or that an earlier version was brought back."""
    status = activation.outcome.value
    if activation.outcome is Outcome.UNCHANGED:  # handled again: its row says how it became active
        status = Outcome.ACTIVATED.value
    key = _key(activation)
    if activation.outcome is Outcome.ROLLED_BACK:
        key += _ROLLBACK  # an upload of the same workbook that follows has its own row
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
    query = "PartitionKey eq @workbook and ( RowKey eq @key or RowKey eq @rollback )"  # the SDK needs the blanks
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
