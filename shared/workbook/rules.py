"""What must hold between the cells of a row and between rows; each rule adds to the findings."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared import lake_layout
from shared.models import Job
from shared.workbook.tables import Findings, Table

_T = TypeVar("_T")
_DATASET_COLUMNS = {"job_id", "source_name", "target_container", "target_folder_path", "enabled"}


@dataclass(frozen=True)
class Draft:
    """A row of typed values; those that could not be read are missing, and then it is not complete."""

    row: int
    values: dict[str, Any]
    complete: bool


def check_jobs(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """Apply every rule, also to rows with other problems, so that one pass finds them all."""
    _check_ids(drafts, table, found)
    _check_datasets(drafts, table, found)


def _check_ids(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """A job's state is found by its pipeline's name, in which case and punctuation do not count."""
    named = [draft for draft in drafts if "job_id" in draft.values]
    for first, second in _clashes(named, lambda draft: lake_layout.pipeline_name(draft.values["job_id"])):
        theirs, ours = first.values["job_id"], second.values["job_id"]
        place = table.cell("job_id", first.row)
        if theirs.casefold() == ours.casefold():
            message = f"'{ours}' is already the name of a job in {place}; give each job a name of its own"
        else:
            message = f"'{ours}' is too like '{theirs}' in {place}: they would share one pipeline name"
        found.problems.append(table.problem("job_id", second.row, message))


def _check_datasets(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    enabled = [
        (draft, lake_layout.dataset_path(Job.model_construct(**draft.values)))
        for draft in drafts
        if draft.values.keys() >= _DATASET_COLUMNS and draft.values["enabled"]
    ]
    for (first, _), (second, path) in _clashes(enabled, lambda item: item[1].casefold()):
        message = (
            f"'{second.values['target_folder_path']}' gives the dataset {path}, which job "
            f"'{first.values['job_id']}' in row {first.row} writes too; choose another folder or disable one of them"
        )
        found.problems.append(table.problem("target_folder_path", second.row, message))


def _clashes(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterator[tuple[_T, _T]]:
    """Pairs of a first item and a later one with the same key."""
    first: dict[Hashable, _T] = {}
    for item in items:
        earlier = first.setdefault(key(item), item)
        if earlier is not item:
            yield earlier, item
