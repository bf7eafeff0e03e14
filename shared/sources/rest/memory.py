"""What a load remembers of the one before it: where the rows were, how they were nested, how many they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors.hierarchy import ShrunkTableError
from shared.models.job import Job, LoadType
from shared.sources.rest.page import PageReader

_FIELDS = 100  # of a row, that are remembered
MEMORY = "answers"
"""The key in the source's state under which each resource has its own."""


class Memory:
    """A part of the source's state, which moves with the load.

    Args:
        job: Whose loads they are; another endpoint remembers nothing.
        state: The resource's part of what is remembered, written by `save`.
    """

    def __init__(self, job: Job, state: dict[str, Any]) -> None:
        self._job = job
        self._state = state
        self._known: Mapping[str, Any] = dict(state) if state.get("endpoint") == job.api_endpoint else {}

    @property
    def rows_path(self) -> str | None:
        """Where the last load found its rows; None if it found none, or the job names the place."""
        return self._known.get("rows_path")

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a row, if the rows of the last load were in a list."""
        return tuple(self._known.get("fields", ()))

    @property
    def shapes(self) -> dict[str, str]:
        """The shapes of the fields that hold objects or lists."""
        return dict(self._known.get("shapes", {}))

    def refuse_empty(self, rows: int) -> None:
        """See that a FULL load without rows does not empty a table that had some.

        That is what `max_shrink_percent` is for; but an API's answer without rows is more often a fault than the truth,
        so that a job without its own limit has this one.

        Raises:
            ShrunkTableError: it would.
        """
        before = int(self._known.get("rows", 0))
        has_limit = self._job.max_shrink_percent is not None
        if rows or not before or has_limit or self._job.load_type is not LoadType.FULL:
            return
        raise ShrunkTableError(
            f"Job '{self._job.job_id}': the API gave no rows at all, and the last load had {before}; the table stays "
            "as it was. If the API really has none left, request a full refresh of the job; if it often has none, set "
            "max_shrink_percent to 100."
        )

    def save(self, rows: int, reader: PageReader, shapes: Mapping[str, str]) -> None:
        """Remember this load; after its last row."""
        self._state.update(
            endpoint=self._job.api_endpoint,
            rows=rows,
            rows_path=(reader.rows_path if rows else None) or self.rows_path,
            fields=sorted(reader.fields)[:_FIELDS],
            shapes={**self.shapes, **shapes},
        )
