"""The row of an attempt while it runs: what others see of it. It is never worth a load, so nothing here raises.

Another execution of the same attempt may have the row by now, or may even have written that the load succeeded: an
attempt writes the row only as it left it.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

from shared.audit.properties import as_properties
from shared.audit.runs import has_ended
from shared.audit.table import RUNNING, audit_table, update_unchanged
from shared.models.attempt import AttemptOrder, JobStatus
from shared.models.job import Job

log = logging.getLogger(__name__)

REOPENED = "reopened"
"""The property of a row that said how the job had ended: its run may have been closed by that."""


class ProgressRow:
    """The row of one execution of an attempt.

    Args:
        order: The attempt.
        job: Its job.
        started_at: When this execution began, UTC; no two have the same.
    """

    def __init__(self, order: AttemptOrder, job: Job, started_at: datetime) -> None:
        self._row: dict[str, Any] = {
            "PartitionKey": order.run_id,
            "RowKey": order.job_id,
            "run_id": order.run_id,
            "job_id": order.job_id,
            "attempt": order.attempt,
            "status": RUNNING,
            "source_name": job.source_name,
            "table_name": job.resource_name,
            "load_type": job.load_type.value,
            "start_time": started_at,
            "lane": order.lane,
            "earlier_attempts": [one.model_dump(mode="json") for one in order.earlier] or None,
        }
        self._run_started_at = order.run_started_at
        self._etag: str | None = None
        self._is_doubtful = False  # whether the row is still this execution's
        self._belongs_to_another = False
        self._failures = 0

    @property
    def etag(self) -> str | None:
        """Of the row as this execution left it; None if it has none, or the row that it has replaced matters."""
        return None if self._belongs_to_another or REOPENED in self._row else self._etag

    def write(self, stage: str, rows: int) -> None:
        """Write how far the attempt is; what storage refuses is logged once, and the load continues.

        Args:
            stage: extract, normalize or load.
            rows: Read so far.
        """
        if self._belongs_to_another:
            return
        try:
            self._write({"stage": stage, "rows_extracted": rows})
            self._failures = 0
        except Exception as error:
            self._failures += 1
            if self._failures == 1:
                log.warning(
                    "The progress of job %s cannot be written, the load continues: %s: %s",
                    *(self._row["job_id"], type(error).__name__, str(error).partition("\n")[0]),
                )

    def _write(self, progress: dict[str, Any]) -> None:
        if self._is_doubtful and not self._is_still_ours():
            return
        if self._etag is None:
            try:
                self._etag = audit_table().create_entity(as_properties(self._row | progress))["etag"]
            except ResourceExistsError:  # of an earlier attempt, of another execution, or ours and the answer was lost
                if not self._take_over():
                    return
            else:
                return
        try:
            self._etag = update_unchanged(as_properties(self._row | progress), self._etag)
        except (ResourceModifiedError, ResourceNotFoundError):
            self._etag, self._is_doubtful = None, True
            self._is_still_ours()

    def _take_over(self) -> bool:
        """Whether the row that is there may be replaced: its attempt did not succeed, and its run has not ended."""
        found = audit_table().get_entity(self._row["PartitionKey"], self._row["RowKey"])
        is_reopened = found.get("status") != RUNNING or bool(found.get(REOPENED))
        self._belongs_to_another = found.get("status") == JobStatus.SUCCESS.value or (
            is_reopened and has_ended(self._row["run_id"], self._run_started_at)
        )
        if is_reopened:
            self._row[REOPENED] = True
        self._etag = found.metadata["etag"]
        return not self._belongs_to_another

    def _is_still_ours(self) -> bool:
        """Whether it was this execution that wrote last, and only the answer was lost."""
        try:
            found = audit_table().get_entity(self._row["PartitionKey"], self._row["RowKey"])
            is_ours = found.get("start_time") == self._row["start_time"] and found.get("status") == RUNNING
        except ResourceNotFoundError:
            is_ours = True
        self._is_doubtful, self._belongs_to_another = False, not is_ours
        return is_ours
