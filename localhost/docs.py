"""`python -m localhost.docs`: write every generated part of the documentation; with `--check` only say what is old.

A page holds a generated part between two marks, `<!-- NAME:start -->` and `<!-- NAME:end -->`. A new part is one
function in `PARTS` and a pair of marks in one page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from pydantic_core import PydanticUndefined

import shared.audit.table
from function_app import routes
from localhost.behaviours import behaviours_table
from localhost.terminal import EXIT_CODES
from localhost.type_tables import type_changes, watermark_orders
from shared.api.endpoint import Endpoint
from shared.settings import READ_BY_HOST, Settings
from shared.workbook.documentation import changes_table, columns_table, json_schema

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_PART = re.compile(r"(<!-- (?P<name>[\w-]+):start -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)


def settings_table() -> str:
    """Every app setting as a Markdown table."""
    rows = ["| Setting | Default | What it is for |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        has_default = field.default not in (None, PydanticUndefined) and name not in READ_BY_HOST
        default = f"`{field.default}`" if has_default else ""
        rows.append(f"| `{field.alias or name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def routes_table() -> str:
    """Every HTTP route as a Markdown table."""
    rows = ["| Route | Who | What it does | Answers |", "| --- | --- | --- | --- |"]
    for endpoint in routes.endpoints:
        who = "everyone" if endpoint.is_open else "operator" if endpoint.changes else "reader"
        summary = (endpoint.handler.__doc__ or "").strip().partition("\n")[0]
        rows.append(f"| `{endpoint.method} /api/{endpoint.path}` | {who} | {summary} | {_answers(endpoint)} |")
    return "\n".join(rows)


def exit_codes() -> str:
    """What each exit code of the command line means, as a Markdown table."""
    rows = ["| Exit code | Meaning |", "| --- | --- |"]
    rows += [f"| {code.value} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join([*rows, "| 130, 143 | The command was ended by Ctrl-C or SIGTERM. |"])


def audit_table_map() -> str:
    """The partitions of the audit table, as the module that keeps it lists them."""
    lines = (shared.audit.table.__doc__ or "").splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))


def _answers(endpoint: Endpoint) -> str:
    good = [
        f"{answer.status} `{answer.model.__name__ if answer.media_type == 'application/json' else answer.media_type}`"
        for answer in endpoint.answers
    ]
    return "; ".join([*good, *(f"{HTTPStatus(status).value} {text}" for status, text in endpoint.problems.items())])


PARTS: Mapping[str, Callable[[], str]] = {
    "audit-table": audit_table_map,
    "behaviours": behaviours_table,
    "columns": columns_table,
    "exit-codes": exit_codes,
    "routes": routes_table,
    "settings": settings_table,
    "changed-cells": changes_table,
    "watermark-orders": watermark_orders,
    "type-changes": type_changes,
}
FILES: Mapping[Path, Callable[[], str]] = {ROOT / "docs" / "workbook.schema.json": json_schema}


def current(page: str) -> str:
    """A page with its generated parts as they should be.

    Raises:
        KeyError: a mark names a part that does not exist.
    """
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]().strip()}\n\n{found[3]}", page)


def generated() -> dict[Path, str]:
    """Every file that is generated or has generated parts, with what it should hold."""
    pages = {page: current(page.read_text(encoding="utf-8")) for page in PAGES}
    return pages | {path: write() for path, write in FILES.items()}


def old() -> list[Path]:
    """The files that do not hold what they should."""
    return [path for path, text in generated().items() if path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write what is old, or with `--check` name it and return 1."""
    stale = old()
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    texts = generated()
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
