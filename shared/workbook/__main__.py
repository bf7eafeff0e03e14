"""`python -m shared.workbook`: write anew what is derived from the columns.

These are `config_schema.json`, and the tables between the marks of README.md and docs/workbook.md. A test fails when
one of them is not current.
"""

from __future__ import annotations

from pathlib import Path

from shared.workbook.documentation import json_schema, with_columns_table

ROOT = Path(__file__).parents[2]


def derived_files() -> dict[Path, str]:
    """Each derived file of the checkout with what it should hold."""
    documents = [path for path in (ROOT / "README.md", ROOT / "docs" / "workbook.md") if path.exists()]
    texts = {path: with_columns_table(path.read_text(encoding="utf-8")) for path in documents}
    return {ROOT / "config_schema.json": json_schema(), **texts}


if __name__ == "__main__":
    for path, text in derived_files().items():
        path.write_text(text, encoding="utf-8")
