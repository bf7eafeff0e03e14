"""A workbook of Data Factory's metadata-driven copy: of the control table that the Copy Data tool writes.

Source: https://learn.microsoft.com/azure/data-factory/copy-data-tool-metadata-driven
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localhost.importers.imported import Imported, JobNames, Row, Target, plain_name, tags_of
from localhost.importers.queries import read_query
from shared.errors.hierarchy import WorkbookError
from shared.jobs.source_types import SOURCE_TYPES

Entry = Mapping[str, Any]

_TOKEN = re.compile(r"--[^\n]*|/\*[\s\S]*?\*/|N?'(?P<text>(?:[^']|'')*)'|(?P<word>[^\s,()';]+)|(?P<sign>[,();])")
_NO_VALUES = ("NULL", "CAST", "CONVERT")
_INSERT = re.compile(r"\bINSERT\s+(?:INTO\s+)?[\w.\[\]#\"]+\s*\((?P<columns>[^()]*)\)\s*VALUES\s*", re.IGNORECASE)
_SETTINGS = "SourceObjectSettings"
_QUERIES = {"sqlReaderQuery": "MSSQL", "oracleReaderQuery": "Oracle", "query": None}
_PARTITIONS = ("PhysicalPartitionsOfTable", "DynamicRange")
_READERS = 4  # of a table that was read in partitions: Data Factory's degree of parallelism is not in the table
_MANUAL = frozenset(("sandbox", "manual"))
_MOST_PRIORITY = 1000
_CARRIED = frozenset(
    (
        *("SourceObjectSettings.schema", "SourceObjectSettings.table", "CopySourceSettings.partitionOption"),
        *("CopySourceSettings.partitionColumnName", *(f"CopySourceSettings.{name}" for name in _QUERIES)),
        *("CopySinkSettings.upsertSettings", "CopySinkSettings.writeBehavior", "CopyActivitySettings.translator"),
        *(f"SinkObjectSettings.{name}" for name in ("schema", "table", "container", "fileSystem", "folderPath")),
        *("SinkObjectSettings.fileName", "DataLoadingBehaviorSettings.dataLoadingBehavior"),
        *(f"DataLoadingBehaviorSettings.watermarkColumn{name}" for name in ("Name", "Type", "StartValue")),
    )
)
"""Settings that are in a row, or are said by a sentence of their own."""

_COLUMNS = frozenset(("Id", "TaskId", "CopyEnabled", "TriggerName", "TopLevelPipelineName"))
_CONNECTIONS = ("SourceConnectionSettingsName", "SourceConnectionSettings")


def import_data_factory(text: str, target: Target) -> Imported:
    """The rows of a control table.

    Args:
        text: The SQL script of the Copy Data tool, a script with INSERT statements, the table as CSV, or as JSON.
        target: Where the rows write; blank source_name and source_type are those that the table shows.

    Raises:
        WorkbookError: the text has no rows of a control table, or does not show the type of the source.
    """
    entries = list(_entries(text))
    if not entries:
        raise WorkbookError(
            f"The file has no rows of a control table: a script, CSV or JSON with {_SETTINGS} is expected."
        )
    found = Imported()
    names = JobNames()
    most = max(_number(entry.get("TaskId")) for entry in entries)
    for entry in entries:
        _add(found, names, _target_of(entry, target), entry, most)
    return found


def _entries(text: str) -> Iterator[Entry]:
    """The rows of a table: settings as objects, by column."""
    if text.lstrip().startswith(("[", "{")):
        yield from _objects(text)
        return
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if _SETTINGS in (table.fieldnames or ()):
        yield from map(_opened, table)
        return
    inserted = list(_inserted(text))
    yield from inserted or [
        entry for token in _TOKEN.finditer(text) if token["text"] for entry in _objects(_unescaped(token["text"]))
    ]


def _objects(text: str) -> Iterator[Entry]:
    try:
        content = json.loads(text)
    except ValueError:
        return
    for entry in content if isinstance(content, list) else [content]:
        if isinstance(entry, dict) and _SETTINGS in entry:
            yield _opened(entry)


def _inserted(text: str) -> Iterator[Entry]:
    """The rows of INSERT … VALUES."""
    for statement in _INSERT.finditer(text):
        columns = [name.strip().strip('[]"') for name in statement["columns"].split(",")]
        if _SETTINGS not in columns:
            continue
        yield from (_opened(dict(zip(columns, row, strict=False))) for row in _rows(text, statement.end()))


def _rows(text: str, start: int) -> Iterator[list[str | None]]:
    """The rows of values from a place on: each in parentheses, of texts, numbers, NULL and calls of one argument."""
    row: list[str | None] = []
    depth = 0
    for token in _TOKEN.finditer(text, start):
        value = _unescaped(token["text"]) if token["text"] is not None else token["word"]
        if value is not None:
            if depth == 0:
                return
            if row[-1] is None and (token["word"] is None or value.upper() not in _NO_VALUES):
                row[-1] = value
        elif token["sign"] == "(":
            depth += 1
            if depth == 1:
                row = [None]
        elif token["sign"] == ")":
            depth -= 1
            if depth == 0:
                yield row
        elif token["sign"] == "," and depth == 1:
            row.append(None)
        elif token["sign"] == ";":
            return


def _unescaped(text: str) -> str:
    return text.replace("''", "'")


def _opened(entry: Mapping[str, Any]) -> Entry:
    """An entry whose settings are objects, also where the table holds them as text."""
    opened: dict[str, Any] = {}
    for name, value in entry.items():
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            try:
                value = json.loads(value)
            except ValueError:
                opened[name] = value
                continue
        opened[name] = None if value in ("", "NULL") else value
    return opened


def _target_of(entry: Entry, target: Target) -> Target:
    named = next((value for name in _CONNECTIONS if (value := entry.get(name))), None)
    if isinstance(named, Mapping):
        named = named.get("databaseName") or named.get("serverName") or named.get("server")
    source_name = target.source_name or plain_name(str(named or ""))
    source_type = target.source_type or next(
        (kind for query, kind in _QUERIES.items() if kind and query in _settings(entry, "CopySourceSettings")), None
    )
    if not source_type or source_name == "unnamed":
        known = ", ".join(SOURCE_TYPES)
        raise WorkbookError(f"The table does not name its source: give --source and --type ({known}).")
    sink = _settings(entry, "SinkObjectSettings")
    container = sink.get("container") or sink.get("fileSystem") or target.container
    folder = sink.get("folderPath") or target.folder.format(source=source_name)
    return Target(source_name, source_type, str(container), str(folder))


def _add(found: Imported, names: JobNames, target: Target, entry: Entry, most: int) -> None:
    source = _settings(entry, _SETTINGS)
    schema, table = str(source.get("schema") or ""), str(source.get("table") or source.get("tableName") or "")
    if not table:
        found.lose(f"row {entry.get('Id') or source.get('fileName') or '?'}: reads no table")
        return
    behavior = _settings(entry, "DataLoadingBehaviorSettings")
    is_delta = behavior.get("dataLoadingBehavior") == "DeltaLoad"
    row = target.row(names.name(target.source_name, schema, table), "INCREMENTAL" if is_delta else "FULL")
    row |= {"schema_name": schema, "table_name": table}
    found.jobs.append(row)
    if str(entry.get("CopyEnabled", 1)).lower() in ("0", "false"):
        row["enabled"] = "N"
    if is_delta:
        row |= {"watermark_column": behavior.get("watermarkColumnName")}
        row |= {"last_watermark": behavior.get("watermarkColumnStartValue")}
    _carry_reading(found, row, _settings(entry, "CopySourceSettings"))
    _carry_writing(found, row, entry)
    _carry_order(found, row, entry, most)
    for setting in _others(entry):
        found.lose(setting, row["job_id"])


def _carry_reading(found: Imported, row: Row, settings: Mapping[str, Any]) -> None:
    if settings.get("partitionOption") in _PARTITIONS:
        row |= {"parallelism": _READERS, "partition_column": settings.get("partitionColumnName")}
        found.lose(f"{settings['partitionOption']}: how many readers it had; parallelism is {_READERS}", row["job_id"])
    query = next((str(value) for name in _QUERIES if (value := settings.get(name))), "")
    if not query:
        return
    read = read_query(query, row["source_type"], row["schema_name"], row["table_name"])
    if read is None:
        found.disable(row, "a query that is more than columns and a condition of the table: make a view of it")
    else:
        row |= {"included_columns": ", ".join(read.columns), "query_filter": read.condition}


def _carry_writing(found: Imported, row: Row, entry: Entry) -> None:
    sink, copy = _settings(entry, "SinkObjectSettings"), _settings(entry, "CopySinkSettings")
    if sink.get("table"):
        found.lose("the table that it writes: the lake has a folder by source_name and table_name", row["job_id"])
    elif sink.get("fileName"):
        found.lose("the name of the file that it writes: the app names its files", row["job_id"])
    upsert = copy.get("upsertSettings")
    keys = upsert.get("keys") if isinstance(upsert, Mapping) else None
    if keys:
        row["primary_key"] = ", ".join(map(str, keys))
    if row["load_type"] == "INCREMENTAL" and keys:
        row["table_format"] = "delta"
    translator = _settings(entry, "CopyActivitySettings").get("translator")
    mappings = translator.get("mappings") if isinstance(translator, Mapping) else None
    if not mappings:
        return
    pairs = [(_name(one.get("source")), _name(one.get("sink"))) for one in mappings]
    row["included_columns"] = ", ".join(before for before, _ in pairs)
    if any(before != after for before, after in pairs):
        found.lose("names that columns get: they keep those of the source", row["job_id"])


def _carry_order(found: Imported, row: Row, entry: Entry, most: int) -> None:
    if most:  # the highest TaskId starts first
        row["priority"] = min(most - _number(entry.get("TaskId")), _MOST_PRIORITY)
    given = entry.get("TriggerName")
    triggers = [name for name in (given if isinstance(given, list) else [given]) if name]
    named = [name for name in triggers if str(name).lower() not in _MANUAL]
    row["tags"] = tags_of(named)
    if named:
        found.lose("the times of its trigger are not in the table: fill in schedule (its name is a tag)", row["job_id"])


def _others(entry: Entry) -> Iterator[str]:
    for name, value in entry.items():
        if name in _COLUMNS or name in _CONNECTIONS or value is None:
            continue
        if not isinstance(value, Mapping):
            yield name
            continue
        yield from (
            f"{name}.{setting}"
            for setting, given in value.items()
            if f"{name}.{setting}" not in _CARRIED and given not in (None, "", False, [], {})
        )


def _settings(entry: Entry, name: str) -> Mapping[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, Mapping) else {}


def _name(column: Any) -> str:
    return str(column.get("name") or column.get("path") or "") if isinstance(column, Mapping) else ""


def _number(value: Any) -> int:
    return int(value) if str(value or "").isdecimal() else 0
