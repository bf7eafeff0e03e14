"""`python -m localhost.readme`: write the tables of README.md anew from what they describe."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from shared.settings import Settings
from shared.workbook.documentation import with_columns_table

README = Path(__file__).parents[1] / "README.md"
_SETTINGS = re.compile(r"(<!-- settings:start -->\n).*?(<!-- settings:end -->)", re.DOTALL)


def settings_table() -> str:
    """Every app setting as a Markdown table."""
    rows = ["| Setting | Default | What it is for |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        rows.append(f"| `{field.alias or name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def current(document: str) -> str:
    """The document with the tables between its marks as they should be."""
    document = with_columns_table(document)
    return _SETTINGS.sub(lambda found: f"{found[1]}\n{settings_table()}\n\n{found[2]}", document)


if __name__ == "__main__":
    README.write_text(current(README.read_text(encoding="utf-8")), encoding="utf-8")
