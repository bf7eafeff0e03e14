"""Bytes → configuration or problems: every problem of a workbook in one pass, each with its cell."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from openpyxl.utils import coordinate_to_tuple

from shared.errors.hierarchy import WorkbookError
from shared.jobs.source_types import SOURCE_TYPES
from shared.models.job import Job, Request, Source
from shared.settings import settings
from shared.workbook.cells import quoted
from shared.workbook.column import SheetSpec
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.configuration import Configuration, Problem, Report
from shared.workbook.inheritance import INHERITED, Default, Inheritance
from shared.workbook.limits import DEFAULT_MAX_MEGABYTES
from shared.workbook.reader import Sheet, read_sheets
from shared.workbook.rows import Draft, parse_rows
from shared.workbook.rules import (
    check_defaults,
    check_jobs,
    check_requests,
    check_schedules,
    check_sources,
    check_timeouts,
    check_wildcards,
)
from shared.workbook.sheets import DEFAULTS, REQUESTS, SHEETS, SOURCES
from shared.workbook.tables import Findings, Table, find_sheet, names_sheet, read_table

MAX_PROBLEMS = 5_000

log = logging.getLogger(__name__)


def validate(
    content: bytes,
    max_megabytes: int = DEFAULT_MAX_MEGABYTES,
    max_timeout_minutes: int | None = None,
    values: Mapping[str, str] | None = None,
) -> Report:
    """Read and check a workbook; the answer is a report for any bytes.

    Args:
        content: The bytes of the file.
        max_megabytes: The largest file that is read, in MiB.
        max_timeout_minutes: The host's limit of an attempt; None for no limit.
        values: What placeholders stand for; None for the setting WORKBOOK_VALUES.
    """
    try:
        known = settings().placeholders if values is None else values
        return _validate(read_sheets(content, max_megabytes, _is_ours), max_timeout_minutes, known)
    except WorkbookError as error:
        return Report(problems=(Problem(message=str(error)),))
    except MemoryError:
        raise
    except Exception as error:  # what no rule foresaw refuses the upload, and never stops who asked
        log.exception("A workbook cannot be judged")
        message = (
            f"The workbook cannot be judged ({type(error).__name__}): a cell holds what no rule foresaw. Take back the "
            "last changes, and report it with the workbook."
        )
        return Report(problems=(Problem(message=message),))


def _validate(sheets: Sequence[Sheet], max_timeout_minutes: int | None, values: Mapping[str, str]) -> Report:
    found = Findings([], [])
    if find_sheet(sheets, SOURCE_CONFIG) is None:
        titles = ", ".join(sheet.title for sheet in sheets) or "none"
        message = f"The workbook has no sheet {SOURCE_CONFIG.name}. It has: {titles}. Rename the one with the jobs."
        return Report(problems=(Problem(message=message),))
    configuration = _read(sheets, found, max_timeout_minutes, values)
    problems, warnings = _listed(found.problems), _listed(found.warnings)
    if problems or configuration is None:
        return Report(problems=problems, warnings=warnings)
    return Report(configuration=configuration.model_copy(update={"warnings": warnings}), warnings=warnings)


def _read(
    sheets: Sequence[Sheet], found: Findings, max_timeout_minutes: int | None, values: Mapping[str, str]
) -> Configuration | None:
    """The configuration, None if something is wrong."""
    plain = Inheritance(values)
    sources_table, sources = _rows(sheets, SOURCES, found, plain)
    defaults_table, defaults = _rows(sheets, DEFAULTS, found, plain)
    requests_table, requests = _rows(sheets, REQUESTS, found, plain)
    by_source, by_scope = (
        _inherited(table, drafts, key)
        for table, drafts, key in ((sources_table, sources, "source_name"), (defaults_table, defaults, "scope"))
    )
    jobs_table, jobs = _rows(sheets, SOURCE_CONFIG, found, Inheritance(values, by_source, by_scope))
    models = list(map(_job, jobs))
    if jobs_table:
        check_jobs(jobs, models, jobs_table, found)
        check_schedules(jobs, jobs_table, found)
        check_wildcards(jobs, models, jobs_table, found)
        check_timeouts(jobs, max_timeout_minutes, jobs_table, found)
    if sources_table:
        check_sources(sources, jobs, sources_table, found)
    if defaults_table:
        check_defaults(defaults, defaults_table, found)
    if requests_table:
        check_requests(requests, jobs, requests_table, found)
    if found.problems:
        return None
    return Configuration(
        jobs=tuple(models),
        sources=tuple(Source(**draft.fields(SOURCES)) for draft in sources),
        requests=tuple(Request(**draft.fields(REQUESTS)) for draft in requests),
        values=found.placeholders,
    )


def inheritance_of(sheets: Sequence[Sheet], values: Mapping[str, str] | None = None) -> Inheritance:
    """What the jobs of a workbook take from elsewhere, whatever is wrong with it.

    Args:
        sheets: The sheets.
        values: What placeholders stand for; None for the setting WORKBOOK_VALUES.
    """
    plain, found = Inheritance(settings().placeholders if values is None else values), Findings([], [])
    by_source = _inherited(*_rows(sheets, SOURCES, found, plain), "source_name")
    return Inheritance(plain.values, by_source, _inherited(*_rows(sheets, DEFAULTS, found, plain), "scope"))


def _inherited(table: Table | None, drafts: Sequence[Draft], key: str) -> dict[str, dict[str, Default]]:
    """The defaults in the rows of a sheet, by what they are for; of two rows for the same the first counts."""
    found: dict[str, dict[str, Default]] = {}
    for draft in drafts:
        if table and key in draft.values:
            place = {name: f"{table.title}!{table.cell(name, draft.row)}" for name in INHERITED}
            used = {name: draft.origins.get(name, place[name]) for name in INHERITED}
            has = draft.values.keys() | draft.refused
            row = {name: Default(draft.values.get(name), used[name]) for name in INHERITED if name in has}
            found.setdefault(draft.values[key], row)
    return found


def _job(draft: Draft) -> Job:
    """The job of a row; that of an incomplete row has only the fields that are in order."""
    fields = draft.fields(SOURCE_CONFIG) if draft.complete else dict(draft.values)
    if (kind := SOURCE_TYPES.get(fields.get("source_type", ""))) and "table_name" in fields:
        fields["table_name"] = kind.folded(fields["table_name"])
    return Job(**fields) if draft.complete else Job.model_construct(**fields)


def _rows(
    sheets: Sequence[Sheet], spec: SheetSpec, found: Findings, inheritance: Inheritance
) -> tuple[Table | None, list[Draft]]:
    sheet = find_sheet(sheets, spec)
    for other in sheets:
        if sheet is not None and other is not sheet and names_sheet(other.title, spec):
            message = f"is not read: the sheet {quoted(sheet.title)} is; put its rows there, or give it another name"
            found.warnings.append(Problem(sheet=other.title, message=message))
    if sheet is None or (spec is not SOURCE_CONFIG and not sheet.rows):
        return None, []
    table = read_table(sheet, spec, found, inheritance.columns)
    return table, parse_rows(table, found, inheritance) if table else []


def _listed(found: Sequence[Problem]) -> tuple[Problem, ...]:
    """What was found, in the order of the cells; of very much only the beginning."""
    ordered = sorted(found, key=_place)
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    left_out = f"{len(ordered) - MAX_PROBLEMS:,} more are left out; correct these first"
    return (*ordered[:MAX_PROBLEMS], Problem(message=left_out))


def _is_ours(title: str) -> bool:
    return any(names_sheet(title, spec) for spec in SHEETS)


def _place(problem: Problem) -> tuple[int, int, int]:
    order = next((number for number, spec in enumerate(SHEETS) if names_sheet(problem.sheet, spec)), 0)
    row, column = coordinate_to_tuple(problem.cell) if problem.cell else (0, 0)
    return order, row, column
