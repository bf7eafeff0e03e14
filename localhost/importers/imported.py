"""What an importer gives: rows of a workbook, and what of the other tool's configuration is not in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
_NAMED = 5  # jobs, in a line of the report
_LONGEST_NAME = 100


@dataclass
class Imported:
    """Rows of the sheets SourceConfig and Sources.

    Attributes:
        jobs: Rows; one whose meaning could not be carried over whole is disabled.
        sources: Rows.
        losses: What is not in the rows, with the jobs that it is about.
    """

    jobs: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)
    losses: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, what: str, job_id: str = "") -> None:
        """Report something that is not in the rows."""
        self.losses.setdefault(what, [])
        if job_id and job_id not in self.losses[what]:
            self.losses[what].append(job_id)

    def disable(self, row: Row, why: str) -> None:
        """Switch a row off: without what could not be carried over it would load other rows than before."""
        row["enabled"] = "N"
        self.lose(f"{why}; disabled", row["job_id"])

    def report(self) -> Iterator[str]:
        """One line for each thing that is not in the rows."""
        for what, job_ids in self.losses.items():
            more = f" and {len(job_ids) - _NAMED} more" if len(job_ids) > _NAMED else ""
            jobs = f" ({', '.join(job_ids[:_NAMED])}{more})" if job_ids else ""
            yield f"{what}{jobs}"


@dataclass(frozen=True)
class Target:
    """Where the rows write: neither tool's own places fit the folders of the lake.

    Attributes:
        source_name: Of all rows.
        source_type: Of all rows.
        container: `target_container`.
        folder: `target_folder_path`.
    """

    source_name: str
    source_type: str
    container: str
    folder: str

    def row(self, job_id: str, load_type: str) -> Row:
        """What every row has."""
        return {
            "job_id": job_id,
            "source_type": self.source_type,
            "source_name": self.source_name,
            "load_type": load_type,
            "enabled": "Y",
            "target_container": self.container,
            "target_folder_path": self.folder,
        }


class JobNames:
    """Gives each job a name of its own."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def name(self, *parts: str) -> str:
        """A job_id of the parts; a number is added to one that was given before."""
        base = plain_name("_".join(part for part in parts if part))[: _LONGEST_NAME - 5].rstrip("_")
        self._given[base.lower()] += 1
        number = self._given[base.lower()]
        return base if number == 1 else self.name(f"{base}_{number}")


def plain_name(text: str) -> str:
    """A text as a name that a workbook takes: letters, digits, '-' and single '_'."""
    return re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9-]", "_", text)).strip("_-") or "unnamed"


def tags_of(names: Iterable[Any]) -> str:
    """Names as the cell of tags."""
    tags = (re.sub(r"[^a-z0-9_.-]", "_", str(name).lower()).strip("_.-")[:50] for name in names)
    return ", ".join(dict.fromkeys(tag for tag in tags if tag))
