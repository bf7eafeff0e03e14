"""A workbook of a Sling replication (YAML or JSON): https://docs.slingdata.io/concepts/replication/structure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import yaml

from localhost.importers.imported import Imported, JobNames, Row, Target, plain_name, tags_of
from shared.errors.hierarchy import WorkbookError

_TABLE = re.compile(r'^(?:(?P<schema>"[^"]+"|[^".\s/]+)\.)?(?P<table>"[^"]+"|[^".\s/]+)$')
_VARIABLE = re.compile(r"\{[^}]*\}|\$\{?\w+")
_MODES = {
    "full-refresh": "FULL",
    "truncate": "FULL",
    "snapshot": "FULL",
    "incremental": "INCREMENTAL",
    "backfill": "INCREMENTAL",
}
_TYPES = {
    "string": "text",
    "text": "text",
    "bigint": "bigint",
    "integer": "bigint",
    "smallint": "bigint",
    "bool": "bool",
    "float": "double",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamp",
    "timestampz": "timestamp",
    "time": "time",
    "json": "json",
    "binary": "binary",
}
_CARRIED = frozenset(
    ("mode", "primary_key", "update_key", "select", "where", "disabled", "tags", "schedule", "columns", "object", "sql")
)
_SAID_ELSEWHERE = frozenset(("description",))
_OF_THE_FILE = frozenset(("source", "target", "defaults", "streams", "env"))


def import_sling(text: str, target: Target) -> Imported:
    """The rows of a replication.

    Args:
        text: YAML or JSON.
        target: Where the rows write; its source_name is blank for the name of the connection.

    Raises:
        WorkbookError: the text is no replication.
    """
    replication = _parsed(text)
    source_name = target.source_name or plain_name(str(replication["source"]).lower())
    target = Target(source_name, target.source_type, target.container, target.folder.format(source=source_name))
    found = Imported()
    defaults = _mapping(replication.get("defaults"))
    names = JobNames()
    for stream, own in replication["streams"].items():
        _add_stream(found, names, target, str(stream), {**defaults, **_mapping(own)})
    _leave_out_disabled_tables(found)
    _read_environment(found, _mapping(replication.get("env")), source_name)
    found.lose(f"target: {replication.get('target')}; the rows write to {target.container}/{target.folder}")
    for name in replication.keys() - _OF_THE_FILE:
        found.lose(f"{name} of the whole file")
    return found


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WorkbookError("The file is no YAML: a replication of Sling is expected.") from None
    is_replication = isinstance(content, Mapping) and content.get("source") and isinstance(content.get("streams"), dict)
    if not is_replication:
        raise WorkbookError("The file is no replication of Sling: it has the keys source, target and streams.")
    replication: Mapping[str, Any] = content
    return replication


def _add_stream(found: Imported, names: JobNames, target: Target, stream: str, given: Mapping[str, Any]) -> None:
    table = _TABLE.match(stream)
    if not table:
        found.lose(f"stream {stream}: is a file or a name of its own, no table")
        return
    schema, name = _unquoted(table["schema"]), _unquoted(table["table"])
    shown = "all" if name == "*" else name
    mode = str(given.get("mode") or "full-refresh")
    row = target.row(names.name(target.source_name, schema, shown), _MODES.get(mode, "FULL"))
    row |= {"schema_name": schema, "table_name": name}
    found.jobs.append(row)
    if not schema:
        found.lose("no schema is named: fill in schema_name, or its default in the sheet Sources", row["job_id"])
    if given.get("disabled"):
        row["enabled"] = "N"
    _carry_mode(found, row, mode, given)
    _carry_choice(found, row, given)
    _carry_types(found, row, given.get("columns"))
    row["tags"] = tags_of(_listed(given.get("tags")))
    schedule = given.get("schedule")
    schedules = schedule if isinstance(schedule, list) else [schedule]  # a cron text may have commas
    row["schedule"] = schedules[0] if schedules else None
    if len(schedules) > 1:
        found.lose("schedule: only the first of several", row["job_id"])
    if given.get("object"):
        found.lose("object: the folder in the lake follows from source_name and table_name", row["job_id"])
    for setting in _others(given):
        found.lose(setting, row["job_id"])


def _carry_mode(found: Imported, row: Row, mode: str, given: Mapping[str, Any]) -> None:
    keys, update_key = _listed(given.get("primary_key")), given.get("update_key")
    row["primary_key"] = ", ".join(keys)
    if mode not in _MODES:
        found.disable(row, f"mode {mode}")
    if mode == "snapshot":
        found.disable(row, "mode snapshot: a load replaces the table and keeps no earlier one")
    if mode == "backfill":
        found.lose("mode backfill: add a row with action backfill and the range to the sheet Requests", row["job_id"])
    if row["load_type"] == "INCREMENTAL":
        if not update_key or str(update_key).startswith("."):
            row["load_type"] = "FULL"
            found.lose(f"mode {mode} without an update_key of the table: the table is replaced", row["job_id"])
        else:
            row |= {"watermark_column": update_key, "table_format": "delta" if keys else None}
    elif update_key:
        found.lose("update_key of a mode that does not use it", row["job_id"])


def _carry_choice(found: Imported, row: Row, given: Mapping[str, Any]) -> None:
    """Which rows and columns are read; a row without that would load others than before."""
    if given.get("sql"):
        found.disable(row, "sql: a row reads a table or a view, no query of its own; make a view of it")
    where = str(given.get("where") or "")
    if _VARIABLE.search(where):
        found.disable(row, "where: has a variable")
    else:
        row["query_filter"] = where
    selected = [str(name) for name in _listed(given.get("select"))]
    if any(_VARIABLE.search(name) or " " in name.strip() for name in selected):
        found.disable(row, "select: has an expression")
        return
    excluded = [name[1:] for name in selected if name.startswith("-")]
    included = [name for name in selected if not name.startswith("-") and name != "*"]
    row |= {"included_columns": ", ".join(included), "excluded_columns": ", ".join(excluded)}


def _carry_types(found: Imported, row: Row, columns: Any) -> None:
    given = _mapping(columns)
    if columns and not given:
        found.lose("columns: not a list of names and types", row["job_id"])
    carried = []
    for name, kind in given.items():
        word = str(kind).partition("|")[0].strip().lower()
        written = word if word.startswith("decimal(") else _TYPES.get(word)
        if written is None or name == "*":
            found.lose(f"columns: {name} as {kind}", row["job_id"])
        else:
            carried.append(f"{name}:{written}")
        if "|" in str(kind):
            found.lose("columns: checks of values", row["job_id"])
    row["column_types"] = ", ".join(carried)


def _leave_out_disabled_tables(found: Imported) -> None:
    """A disabled stream is no table of a wildcard either."""
    wildcards = [row for row in found.jobs if "*" in row["table_name"]]
    off = [row for row in found.jobs if row["enabled"] == "N" and "*" not in row["table_name"]]
    for wildcard in wildcards:
        tables = [
            row["table_name"]
            for row in off
            if row["schema_name"] == wildcard["schema_name"] and fnmatchcase(row["table_name"], wildcard["table_name"])
        ]
        wildcard["excluded_tables"] = ", ".join(tables)


def _read_environment(found: Imported, env: Mapping[str, Any], source_name: str) -> None:
    for name, value in env.items():
        if name == "SLING_THREADS" and str(value).isdecimal():
            found.sources.append({"source_name": source_name, "max_concurrent_jobs": int(value)})
        else:
            found.lose(f"env: {name}")


def _others(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name in _CARRIED or name in _SAID_ELSEWHERE or value in (None, {}, []):
            continue
        if isinstance(value, Mapping) and name.endswith("_options"):
            yield from (f"{name}: {option}" for option in value)
        else:
            yield str(name)


def _unquoted(name: str | None) -> str:
    return (name or "").strip('"')


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list) else [part.strip() for part in str(value).split(",")]
