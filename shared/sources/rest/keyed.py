"""Rows of lists under ids that follow from their parent's key, so that a load can replace those of an updated parent.

Each table of a list gets a row for every parent of the load, which has no place in a list: the lake removes what it has
of that parent, and adds the other rows (`shared.lake.delta.children`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from shared.jobs.lake_layout import LIST_INDEX, ROOT_ID
from shared.sources.rest.tables import PARENT_ID, ROOT, ROW_ID, Path


@dataclass(frozen=True)
class Lists:
    """The tables of a job whose rows are updated by key.

    Attributes:
        schemas: All of them; each but the first gets the parents.
        key: The columns of the primary key.
        replaces: Whether the tables are new, so that nothing has to be removed.
    """

    schemas: Mapping[Path, pa.Schema]
    key: tuple[str, ...]
    replaces: bool

    def keyed(self, tables: Mapping[Path, pa.Table]) -> dict[Path, pa.Table]:
        """The tables of a page, whose ids are of this page, with ids that follow from the key."""
        found, roots = _keyed(tables, self.key)
        if self.replaces or not roots:
            return found
        for path, schema in self.schemas.items():
            if path:
                marks = _marks(roots, schema)
                found[path] = pa.concat_tables([marks, found[path]]) if path in found else marks
        return found


def _keyed(tables: Mapping[Path, pa.Table], key: tuple[str, ...]) -> tuple[dict[Path, pa.Table], list[str]]:
    rows = tables[ROOT]
    roots = [_digest(values) for values in zip(*(rows.column(name).to_pylist() for name in key), strict=True)]
    found = {ROOT: _with(rows, ROW_ID, roots)}
    known = dict(zip(rows.column(ROW_ID).to_pylist(), zip(roots, roots, strict=True), strict=True))
    for path in sorted((path for path in tables if path), key=len):
        table = tables[path]
        parents = [known[parent] for parent in table.column(PARENT_ID).to_pylist()]
        places = table.column(LIST_INDEX).to_pylist()
        ids = [f"{parent}.{path[-1]}.{place}" for (parent, _), place in zip(parents, places, strict=True)]
        known |= dict(
            zip(table.column(ROW_ID).to_pylist(), zip(ids, (root for _, root in parents), strict=True), strict=True)
        )
        links = {ROW_ID: ids, PARENT_ID: [parent for parent, _ in parents], ROOT_ID: [root for _, root in parents]}
        for name, values in links.items():
            table = _with(table, name, values)
        found[path] = table
    return found, roots


def _marks(roots: list[str], schema: pa.Schema) -> pa.Table:
    """A row for each parent that is in no list."""
    columns: dict[str, Any] = {ROOT_ID: roots, ROW_ID: [f"{root}." for root in roots]}
    return pa.table(
        [
            pa.array(columns[one.name], one.type) if one.name in columns else pa.nulls(len(roots), one.type)
            for one in schema
        ],
        schema=schema,
    )


def _with(table: pa.Table, name: str, values: list[str]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))


def _digest(key: tuple[Any, ...]) -> str:
    return blake2b(
        json.dumps([str(value) for value in key]).encode("utf-8", "surrogatepass"), digest_size=12
    ).hexdigest()
