"""The gathered pages as what goes to the lake: new rows only, in settled types, with what dlt is to know of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import dlt
import pyarrow as pa
import pyarrow.compute as pc

from shared.models.job import Job
from shared.sources.columns import dlt_hints
from shared.sources.rest.gathering import Gathering
from shared.sources.rest.increment import NewRows
from shared.sources.rest.keyed import Lists
from shared.sources.rest.schemas import conformed, table_name
from shared.sources.rest.tables import PARENT_ID, ROOT, ROW_ID, Path

Schemas: TypeAlias = "dict[Path, pa.Schema]"

_NUMBER = "_row_number"


class Output:
    """Arrow tables of about `chunk_size` rows.

    Args:
        job: Names the tables and their keys.
        gathering: All pages.
        schemas: The table of the rows, and those of their lists.
        new_rows: What an incremental load takes; None for every row.
        lists: How rows of lists are updated; None if nothing is.
    """

    def __init__(
        self,
        job: Job,
        gathering: Gathering,
        schemas: Schemas,
        new_rows: NewRows | None = None,
        lists: Lists | None = None,
    ) -> None:
        self._job = job
        self._gathering = gathering
        self._schemas = schemas
        self._new_rows = new_rows
        self._lists = lists
        self._waiting: dict[Path, list[pa.Table]] = {path: [] for path in schemas}
        self._rows = dict.fromkeys(schemas, 0)
        self._given: set[Path] = set()

    def items(self) -> Iterator[Any]:
        """The tables; each at least once, if without rows, so that the lake learns its columns."""
        self._recount()
        superseded = self._gathering.superseded()
        for run in self._gathering.runs():
            tables = dict(run.tables)
            tables[ROOT] = _without(tables[ROOT], run.places(superseded))
            for path, table in self._new(tables).items():
                self._waiting[path].append(table)
                self._rows[path] += table.num_rows
                if self._rows[path] >= self._job.chunk_size:
                    yield self._give(path)
        for path in self._schemas:
            if self._waiting[path] or path not in self._given:
                yield self._give(path)
        if self._new_rows:
            self._new_rows.save()

    def _new(self, tables: dict[Path, pa.Table]) -> dict[Path, pa.Table]:
        """The new rows of a run, and of their lists those whose parents are new."""
        taken: dict[Path, pa.Table] = {}
        for path in sorted(tables, key=len):
            raw = tables[path]
            if path:
                raw = raw.filter(pc.is_in(raw.column(PARENT_ID), tables[path[:-1]].column(ROW_ID)))
            elif self._new_rows:
                raw = self._with_new_rows(raw, self._new_rows)
            tables[path] = raw
            taken[path] = self._conformed(raw, path)
        return self._lists.keyed(taken) if self._lists else taken

    def _with_new_rows(self, raw: pa.Table, new_rows: NewRows) -> pa.Table:
        numbered = self._conformed(raw, ROOT).append_column(_NUMBER, pa.array(range(raw.num_rows)))
        return raw.take(new_rows.of(numbered).column(_NUMBER))

    def _conformed(self, raw: pa.Table, path: Path) -> pa.Table:
        return conformed(raw, self._schemas[path], {} if path else self._job.column_types)

    def _recount(self) -> None:
        boundary = self._new_rows.boundary if self._new_rows else None
        if self._new_rows is None or boundary is None or boundary.exact:
            return
        for run in self._gathering.runs():
            boundary.recount(self._new_rows.at_start(self._conformed(run.tables[ROOT], ROOT)))
        boundary.check()

    def _give(self, path: Path) -> Any:
        schema = self._schemas[path]
        table = pa.concat_tables(self._waiting[path]) if self._waiting[path] else schema.empty_table()
        self._waiting[path], self._rows[path] = [], 0
        self._given.add(path)
        return self._marked(path, table.combine_chunks())

    def _marked(self, path: Path, table: pa.Table) -> Any:
        """A table with the types that dlt is to keep, and without the primary key if it lacks its columns."""
        hints = dlt.mark.make_hints(table_name=table_name(self._job, path), columns=dlt_hints(self._schemas[path]))
        if path or not set(self._job.primary_key) <= set(table.column_names):
            hints["primary_key"] = ()  # what is empty is taken away from what the resource says
        if path and self._lists:
            hints["primary_key"] = (ROW_ID,)
        return dlt.mark.with_hints(table, hints, create_table_variant=True)


def _without(table: pa.Table, places: list[int]) -> pa.Table:
    """A table without the rows at some places."""
    if not places:
        return table
    return table.filter(pc.invert(pc.is_in(pa.array(range(table.num_rows), pa.int64()), pa.array(places))))
