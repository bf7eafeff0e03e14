"""Partitions that answers show again and again: they are kept in memory, and only what was written since is read.

Ten thousand rows take a second of a processor to read, and a dashboard asks every few seconds. Table Storage stamps
each row when it is written, so a reading asks for what was stamped after the last one began, by the storage's clock.
What decides about loads reads the table itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from threading import Lock
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline import PipelineResponse

from shared.audit.properties import as_row
from shared.audit.table import LATEST, SUCCEEDED, Row, audit_table

_OVERLAP = timedelta(seconds=10)  # a row may become visible after one with a later stamp, and clocks differ


_WHOLE_AFTER_SECONDS = 300.0  # rows that were removed are noticed when all are read again


_RUNS_KEPT = 4


@dataclass(frozen=True)
class Rows:
    """The rows of a partition, ordered by RowKey.

    Attributes:
        by_key: The rows, by RowKey.
        stamps: When each was written last, UTC, by RowKey.
        as_of: What was written before is among them: when they were read, by the storage's clock, UTC.
    """

    by_key: Mapping[str, Row]
    stamps: Mapping[str, datetime]
    as_of: datetime

    def changed_since(self, as_of: datetime) -> set[str]:
        """The keys of the rows that were written after others were read; those of some seconds before are with them."""
        return {key for key, stamp in self.stamps.items() if stamp >= as_of - _OVERLAP}


class FollowedPartition:
    """One partition, read once and then followed; any number of threads may ask.

    Args:
        key: Its PartitionKey.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._known: Rows | None = None
        self._whole_at = 0.0
        self._reading = Lock()

    def read(self) -> Rows:
        """The rows as they are now; none if the table does not exist."""
        with self._reading:
            now = time.monotonic()
            if self._known is None or now - self._whole_at > _WHOLE_AFTER_SECONDS:
                self._known, self._whole_at = self._read(), now
            else:
                self._known = _merged(self._known, self._read(self._known.as_of - _OVERLAP))
            return self._known

    def _read(self, since: datetime | None = None) -> Rows:
        query, parameters = "PartitionKey eq @key", dict[str, Any](key=self._key)
        if since:
            query += " and Timestamp ge @since"
            parameters["since"] = since
        answered: list[datetime] = []
        rows: dict[str, Row] = {}
        stamps: dict[str, datetime] = {}

        def note_time(response: PipelineResponse[Any, Any]) -> None:
            answered.append(parsedate_to_datetime(response.http_response.headers["Date"]))

        with suppress(ResourceNotFoundError):
            for entity in audit_table().query_entities(query, parameters=parameters, raw_response_hook=note_time):
                key = entity["RowKey"]
                rows[key], stamps[key] = as_row(entity), entity.metadata["timestamp"] or answered[0]
        return Rows(rows, stamps, answered[0])


def _merged(known: Rows, fresh: Rows) -> Rows:
    rows = {**known.by_key, **fresh.by_key}
    return Rows({key: rows[key] for key in sorted(rows)}, {**known.stamps, **fresh.stamps}, fresh.as_of)


@cache
def _of_all_jobs(key: str) -> FollowedPartition:
    return FollowedPartition(key)


@lru_cache(maxsize=_RUNS_KEPT)
def _of_run(run_id: str) -> FollowedPartition:
    return FollowedPartition(run_id)


def followed_latest() -> Rows:
    """The row of the last run of every job, by job_id."""
    return _of_all_jobs(LATEST).read()


def followed_succeeded() -> Rows:
    """The row of the last load of every job that succeeded, by job_id."""
    return _of_all_jobs(SUCCEEDED).read()


def followed_run(run_id: str) -> Rows:
    """The job rows of one run, by job_id."""
    return _of_run(run_id).read()
