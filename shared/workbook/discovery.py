"""What was found in a source beside the rows that a workbook has: kept, changed, gone, and new rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.jobs.destinations import dataset_path
from shared.jobs.lake_layout import pipeline_name
from shared.jobs.patterns import matches
from shared.jobs.proposals import TIMER_IS_RARER, changed_cells, propose, rows_text
from shared.jobs.source_types import SOURCE_TYPES
from shared.models.discovery import Discovered, FoundEndpoint, FoundSource, FoundTable
from shared.models.job import Job
from shared.workbook.cells import clean
from shared.workbook.inheritance import Inheritance
from shared.workbook.rows import Draft
from shared.workbook.target import Target

_IN_A_DATASET = {"source_name", "target_container", "target_folder_path"}
_VERSION = re.compile(r"v\d+(\.\d+)*|api|rest", re.IGNORECASE)
_LONGEST_ID = 90


@dataclass
class Workbook:
    """The rows that a workbook has.

    Attributes:
        rows: Those of SourceConfig.
        columns: What the columns of each table were at the last discovery, by source, schema and table.
        inheritance: What its jobs take from elsewhere.
    """

    rows: Sequence[Draft] = ()
    columns: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    inheritance: Inheritance = field(default_factory=Inheritance)


def compare(found: FoundSource, target: Target, workbook: Workbook) -> list[Discovered]:
    """What there is to say of each table or endpoint that was found, and of each row whose table is gone."""
    own = [row for row in workbook.rows if _is_of(row, target.source_name, found.schema_name, target.is_database)]
    places = _Places(found, target, workbook, own)
    if not target.is_database:
        return [*_endpoints(found.endpoints, target, own, places)]
    return [*_tables(found, target, own, workbook, places), *_gone(found, target, own)]


def _tables(
    found: FoundSource, target: Target, own: Sequence[Draft], workbook: Workbook, places: _Places
) -> Iterator[Discovered]:
    for table in found.tables:
        rows = [row for row in own if _reads(row, table.table_name, target.source_type)]
        earlier = workbook.columns.get((target.source_name, table.schema_name, table.table_name))
        if rows:
            yield from (_existing(row, table, earlier) for row in rows)
        elif error := table.error or _unnameable(table.table_name):
            yield _of(table, status="left out", note=error)
        else:
            proposal = propose(table, found.readers, target.schedules)
            cells = places.row(table.table_name, schema_name=table.schema_name, table_name=table.table_name)
            yield _of(
                table,
                status="new",
                job_id=cells["job_id"],
                cells={**cells, **proposal.cells},
                reasons={"table_name": _described(table), **proposal.reasons},
            )


def _existing(row: Draft, table: FoundTable, earlier: Mapping[str, str] | None) -> Discovered:
    reasons = changed_cells(row.values, table)
    note = _columns_changed(earlier, _columns(table)) if earlier and table.columns else None
    status = "changed" if reasons or note else "kept"
    cells = _said(row)
    said = table.error or note or next(iter(reasons.values()), None)
    return _of(
        table, status=status, job_id=row.values.get("job_id"), cells=cells, reasons=reasons, note=said, row=row.row
    )


def _gone(found: FoundSource, target: Target, own: Sequence[Draft]) -> Iterator[Discovered]:
    for row in own:
        name = str(row.values.get("table_name"))
        if "*" in name:
            is_there = target.like != "*" or any(matches([name], one) for one in found.names)
        else:
            is_there = not matches([target.like], name) or any(
                _same(name, one, target.source_type) for one in found.names
            )
        if not is_there:
            note = f"The source has no table {name} any more, or its user may not see it."
            yield Discovered(
                name=name,
                schema_name=found.schema_name,
                status="gone",
                job_id=row.values.get("job_id"),
                reasons={"table_name": note},
                note=note,
                row=row.row,
            )


def _endpoints(
    endpoints: Iterable[FoundEndpoint], target: Target, own: Sequence[Draft], places: _Places
) -> Iterator[Discovered]:
    known = {_path(str(row.values.get("api_endpoint", ""))): row for row in own}
    listed = set()
    for endpoint in endpoints:
        listed.add(_path(endpoint.path))
        row = known.get(_path(endpoint.path))
        common: dict[str, Any] = {"name": endpoint.path, "columns": endpoint.columns}
        if row:
            cells = _said(row)
            yield Discovered(**common, status="kept", job_id=row.values.get("job_id"), cells=cells, row=row.row)
        elif endpoint.error:
            yield Discovered(**common, status="left out", note=endpoint.error)
        elif matches([target.like], endpoint.path):
            made = places.row(_short(endpoint.path), api_endpoint=endpoint.path)
            cells, reasons = {**made, **endpoint.cells}, dict(endpoint.reasons)
            if cells.get("schedule") not in (None, *target.schedules):
                del cells["schedule"]
                reasons["schedule"] = TIMER_IS_RARER
            yield Discovered(**common, status="new", job_id=made["job_id"], cells=cells, reasons=reasons)
    for path, row in known.items():
        if path not in listed and matches([target.like], path):
            note = f"The document has no endpoint {path} that lists rows."
            job_id = row.values.get("job_id")
            yield Discovered(
                name=path, status="gone", job_id=job_id, reasons={"api_endpoint": note}, note=note, row=row.row
            )


class _Places:
    """Gives new rows names and datasets that no other row has."""

    def __init__(self, found: FoundSource, target: Target, workbook: Workbook, own: Sequence[Draft]) -> None:
        self._target = target
        given = workbook.inheritance.of({"source_name": target.source_name, "source_type": target.source_type})
        beside: Mapping[str, Any] = {name: default.value for name, default in given.items() if default.value}
        beside = next((row.values for row in own if row.values.keys() >= _IN_A_DATASET), beside)
        schema = re.sub(r"[^\w-]+", "_", found.schema_name or "")
        by_name = target.source_name if found.is_default_schema else f"{target.source_name}/{schema}"
        self._container = target.container or beside.get("target_container") or "lake"
        self._folder = target.folder or beside.get("target_folder_path") or f"raw/{by_name}"
        values = [row.values for row in workbook.rows]
        self._ids = {pipeline_name(str(one["job_id"])) for one in values if "job_id" in one}
        jobs = [Job.model_construct(**one) for one in values if one.keys() >= _IN_A_DATASET | {"enabled"}]
        self._datasets = {dataset_path(job).casefold() for job in jobs if job.enabled}

    def row(self, name: str, **reads: str) -> dict[str, Any]:
        """The cells of a row that say what is read, and where it goes."""
        target = self._target
        cells: dict[str, Any] = {
            "job_id": self._id(name),
            "source_type": target.source_type,
            "source_name": target.source_name,
            **reads,
            "enabled": "Y",
            "target_container": self._container,
        }
        number = 1
        while True:
            cells["target_folder_path"] = self._folder if number == 1 else f"{self._folder}_{number}"
            dataset = dataset_path(Job.model_construct(**cells)).casefold()
            if dataset not in self._datasets:
                self._datasets.add(dataset)
                return cells
            number += 1

    def _id(self, name: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9]+", "_", f"{self._target.source_name}_{name}").strip("_")[:_LONGEST_ID].strip("_")
        number, job_id = 1, plain
        while pipeline_name(job_id) in self._ids:
            number += 1
            job_id = f"{plain}_{number}"
        self._ids.add(pipeline_name(job_id))
        return job_id


def _said(row: Draft) -> dict[str, Any]:
    """What a row says of what was proposed for others."""
    return {name: row.values[name] for name in ("load_type", "watermark_column") if name in row.values}


def _unnameable(name: str) -> str | None:
    """Why a cell cannot name a table; None if it can."""
    if "*" in name:
        return "Its name has a *, which matches any characters in table_name."
    return None if clean(name) == name else "Its name begins or ends with a space, which no cell keeps."


def _is_of(row: Draft, source_name: str, schema_name: str | None, is_database: bool) -> bool:
    if row.values.get("source_name") != source_name:
        return False
    return not is_database or str(row.values.get("schema_name")).casefold() == (schema_name or "").casefold()


def _reads(row: Draft, table_name: str, source_type: str) -> bool:
    name = str(row.values.get("table_name"))
    if "*" in name:
        return matches([name], table_name) and not matches(row.values.get("excluded_tables", ()), table_name)
    return _same(name, table_name, source_type)


def _same(name: str, other: str, source_type: str) -> bool:
    kind = SOURCE_TYPES[source_type]
    return kind.folded(name) == kind.folded(other)


def _of(table: FoundTable, **more: Any) -> Discovered:
    return Discovered(
        name=table.table_name,
        schema_name=table.schema_name,
        rows=table.rows,
        rows_are=table.rows_are,
        size_bytes=table.size_bytes,
        columns=_columns(table),
        **more,
    )


def _columns(table: FoundTable) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def _columns_changed(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    parts = [
        *(f"{name} ({now[name]}) is new" for name in now if name not in before),
        *(f"{name} is gone" for name in before if name not in now),
        *(f"{name} is {now[name]}, not {before[name]}" for name in now if before.get(name, now[name]) != now[name]),
    ]
    return f"Columns since the last discovery: {', '.join(parts)}." if parts else None


def _described(table: FoundTable) -> str:
    size = "" if table.size_bytes is None else f", about {table.size_bytes / 1_000_000:,.1f} MB"
    return f"{rows_text(table).capitalize()}{size}, {len(table.columns)} columns."


def _path(endpoint: str) -> str:
    return "/" + endpoint.partition("?")[0].strip("/")


def _short(path: str) -> str:
    return "_".join(part for part in path.split("/") if part and not _VERSION.fullmatch(part))


def without(found: Sequence[Discovered], refused: Mapping[str, str]) -> list[Discovered]:
    """What was found with some of the new rows left out, by job_id and why."""
    left_out: dict[str, Any] = {"status": "left out", "cells": {}, "reasons": {}, "job_id": None}
    return [
        one.model_copy(update={**left_out, "note": refused[str(one.job_id)]})
        if one.status == "new" and one.job_id in refused
        else one
        for one in found
    ]
