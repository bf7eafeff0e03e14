"""The recipes of docs/rest.md: what the row and the secret say, as a user would copy them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.models.job import Job
from shared.workbook.validation import validate
from tests.builders import a_workbook

COOKBOOK = Path(__file__).parents[3] / "docs" / "rest.md"
HOST = "https://api.example.com"
SECRET = "s3cr3t"
_RECIPE = re.compile(
    r"^### (?P<number>\d+)\. (?P<title>[^\n]+)$(?P<text>.*?)```json\n(?P<secret>.+?)\n```", re.M | re.S
)
_CELL = re.compile(r"^\| `(?P<column>\w+)` \| `(?P<value>.+)` \|$", re.M)


@dataclass(frozen=True)
class Recipe:
    """One recipe: its cells as text and the fields of its secret."""

    number: int
    title: str
    cells: dict[str, str]
    fields: dict[str, Any]

    def job(self) -> Job:
        """The job of a workbook with the recipe's row."""
        blank = {"schema_name": None, "table_name": None}
        row = {"job_id": "api_job", "source_type": "API", "source_name": "api", **blank, **self.cells}
        report = validate(a_workbook(row))
        assert report.configuration, report.problems
        return report.configuration.jobs[0]

    def secret(self, url: str) -> dict[str, Any]:
        """The secret, with the address of a server that is really there, and `SECRET` where the page shows dots."""
        text = json.dumps(self.fields, ensure_ascii=False)
        filled: dict[str, Any] = json.loads(text.replace(HOST, url).replace("…", SECRET))
        return filled


def recipes() -> dict[int, Recipe]:
    """All recipes by number."""
    section = COOKBOOK.read_text(encoding="utf-8").partition("## Cookbook\n")[2].partition("\n## ")[0]
    return {
        int(found["number"]): Recipe(
            int(found["number"]), found["title"], dict(_CELL.findall(found["text"])), json.loads(found["secret"])
        )
        for found in _RECIPE.finditer(section)
    }
