"""What is derived from the columns for readers: the tables of the documentation and the JSON Schema."""

from __future__ import annotations

import json
from typing import Any

from shared.jobs.history import VERDICTS
from shared.workbook.column import Column, SheetSpec, When
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.inheritance import INHERITED
from shared.workbook.sheets import SHEETS

FACTS = ("Column", "Required", "Values", "Default", "What it is for", "Example")


def facts(spec: SheetSpec, column: Column) -> tuple[str, ...]:
    """What there is to say of a column, in the order of `FACTS`."""
    values = ", ".join(column.kind.allowed) or column.kind.label
    return column.name, required_text(column), values, default_text(spec, column), column.help, str(column.example)


def required_text(column: Column) -> str:
    """When a value is required, in words."""
    if not column.required:
        return "no"
    unless = ", unless there is a default" if column.name in INHERITED else ""
    return f"yes{unless}" if column.required is True else f"when {column.required}{unless}"


def default_text(spec: SheetSpec, column: Column) -> str:
    """What a blank cell means, as it would be typed; empty if it means nothing."""
    default = spec.defaults.get(column.name)
    if isinstance(default, bool):
        return "Y" if default else "N"
    return str(default) if isinstance(default, str | int | float) else ""


def changes_table() -> str:
    """What a change of each cell of the sheet SourceConfig means for a job that has loaded, as a Markdown table."""
    rows = ["| Column | A change on a job with history |", "| --- | --- |"]
    for column in SOURCE_CONFIG.columns:
        verdict = VERDICTS[column.name]
        asks = "**requires a full refresh**" if verdict.refreshes else "continues"
        where = " with `table_format` delta, else it continues" if verdict.if_in_delta else ""
        rows.append(f"| `{column.name}` | {asks}{where}: {verdict.because} |")
    return "\n".join(rows)


def columns_table() -> str:
    """The columns of every sheet as Markdown tables."""
    parts = []
    for spec in SHEETS:
        rows = [FACTS, ("---",) * len(FACTS), *(_code(facts(spec, column)) for column in spec.columns)]
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
        parts.append(f"**Sheet `{spec.name}`.** {spec.help}\n\n{table}\n")
    return "\n".join(parts)


def json_schema() -> str:
    """The JSON Schema of a workbook as an object of its sheets, each a list of rows: `docs/workbook.schema.json`."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ingestion configuration",
        "description": "The sheets of the workbook, each a list of rows by column name; blank cells are left out.",
        "type": "object",
        "properties": {
            spec.name: {"type": "array", "description": spec.help, "items": _row_schema(spec)} for spec in SHEETS
        },
        "required": [SOURCE_CONFIG.name],
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _row_schema(spec: SheetSpec) -> dict[str, Any]:
    conditions = [
        {"if": _holds(column.required), "then": {"required": [column.name]}}
        for column in spec.columns
        if isinstance(column.required, When) and column.name not in INHERITED
    ]
    return {
        "type": "object",
        "properties": {column.name: _column_schema(spec, column) for column in spec.columns},
        "required": [one.name for one in spec.columns if one.required is True and one.name not in INHERITED],
        "additionalProperties": False,
    } | ({"allOf": conditions} if conditions else {})


def _column_schema(spec: SheetSpec, column: Column) -> dict[str, Any]:
    default = default_text(spec, column)
    described = {**column.kind.schema(), "description": column.help, "examples": [column.example]}
    if not default:
        return described
    typed = int(default) if described.get("type") == "integer" else default
    return described | {"default": typed}


def _holds(when: When) -> dict[str, Any]:
    return {"properties": {when.column: {"enum": list(when.values)}}, "required": [when.column]}


def _code(row: tuple[str, ...]) -> tuple[str, ...]:
    name, *words, example = row
    return f"`{name}`", *words, f"`{example}`"
