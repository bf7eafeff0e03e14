"""What must hold between rows: unique names, datasets with one writer, one-off requests for jobs that exist."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from shared.jobs import lake_layout
from shared.jobs.destinations import DESTINATIONS, dataset_path
from shared.jobs.lake_layout import lake_path
from shared.jobs.patterns import matches
from shared.jobs.schedules import shares_ticks
from shared.jobs.source_types import SOURCE_TYPES
from shared.jobs.watermarks import comes_before, misfit
from shared.jobs.wildcards import expand, is_wildcard, table_of
from shared.models.job import Job
from shared.settings import settings
from shared.workbook import job_rules
from shared.workbook.cells import quoted
from shared.workbook.rows import Draft
from shared.workbook.tables import Findings, Table

_T = TypeVar("_T")
_A_TABLE = {"source_name", "source_type", "table_name", "enabled", "target_container", "target_folder_path", "job_id"}
_ANY_TIME = datetime(2024, 1, 1, tzinfo=UTC)
_SCHEDULES_LOOKED_AT = 200  # different ones; each takes some milliseconds
_DATASET_COLUMNS = {"job_id", "source_name", "target_container", "target_folder_path", "enabled"}


def check_jobs(drafts: Sequence[Draft], jobs: Sequence[Job], table: Table, found: Findings) -> None:
    """The rules of SourceConfig, also for rows with other problems, so that one pass finds them all.

    Args:
        drafts: The rows.
        jobs: The jobs they make; those of incomplete rows have only the fields that are in order.
        table: Where they are.
        found: Takes the breaches.
    """
    for draft in drafts:
        row = draft.with_defaults(table.spec)
        for rules, findings in ((job_rules.ERRORS, found.problems), (job_rules.WARNINGS, found.warnings)):
            for rule in rules:
                try:
                    findings += [table.problem(name, draft.row, _said(draft, name, text)) for name, text in rule(row)]
                except Exception as error:  # one row that cannot be checked must not stop the others
                    text = f"the row cannot be judged ({type(error).__name__}); write its cells in a simpler way"
                    found.problems.append(table.problem(table.spec.key.name, draft.row, text))
    _check_ids(drafts, table, found)
    _check_parents(drafts, table, found)
    _check_datasets(drafts, jobs, table, found)
    _check_nesting(drafts, jobs, table, found)
    _check_source_types(drafts, table, found)
    if not drafts:
        found.warnings.append(table.problem("", table.header_row, "the sheet has no jobs"))


def check_schedules(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """Warn of schedules that are finer than the app's timer, as far as its schedule is known here."""
    timer, finer = settings().ingestion_schedule, dict[str, bool]()
    for draft in drafts:
        schedule = draft.values.get("schedule")
        if not timer or not isinstance(schedule, str):
            continue
        if schedule not in finer and len(finer) < _SCHEDULES_LOOKED_AT:
            try:
                finer[schedule] = shares_ticks(timer, schedule, _ANY_TIME, settings().time_zone)
            except ValueError:  # the timer's own schedule is wrong, which the app's health says
                return
        if finer.get(schedule):
            text = (
                f"{quoted(schedule)} is finer than the app's timer ({timer}, INGESTION_SCHEDULE): it runs once a tick"
            )
            found.warnings.append(table.problem("schedule", draft.row, _said(draft, "schedule", text)))


def check_wildcards(drafts: Sequence[Draft], jobs: Sequence[Job], table: Table, found: Findings) -> None:
    """Warn of rows that are disabled and whose table a wildcard loads all the same."""
    complete = [(draft, job) for draft, job in zip(drafts, jobs, strict=True) if draft.values.keys() >= _A_TABLE]
    wildcards = [(draft, job) for draft, job in complete if is_wildcard(job) and job.enabled]
    for draft, job in complete:
        if is_wildcard(job) or job.enabled:
            continue
        for other, wildcard in wildcards:
            if table_of(wildcard)[:2] == table_of(job)[:2] and expand(wildcard, [str(job.table_name)]):
                taker = f"'{wildcard.table_name}' of job '{wildcard.job_id}' in row {other.row}"
                text = (
                    f"{quoted(job.table_name)} is disabled here, but {taker} loads the table; name it in "
                    "excluded_tables there if it is not to be loaded"
                )
                found.warnings.append(table.problem("table_name", draft.row, text))
                break


def _said(draft: Draft, column: str, text: str) -> str:
    """What is wrong with a value, and where it is if the row's own cell does not have it."""
    origin = draft.origins.get(column)
    return f"{text} (the value is that of {origin})" if origin else text


def check_timeouts(drafts: Sequence[Draft], most: int | None, table: Table, found: Findings) -> None:
    """No attempt may take as long as the host lets a function run: it would end all that runs beside it."""
    for draft in drafts:
        minutes = draft.values.get("timeout_minutes")
        if most is not None and isinstance(minutes, int) and minutes > most:
            message = (
                f"{minutes} is more than {most}: the host ends a function at functionTimeout (host.json), which must "
                "be two minutes longer; raise it, or read less at once"
            )
            found.problems.append(table.problem("timeout_minutes", draft.row, message))


def check_sources(drafts: Sequence[Draft], jobs: Sequence[Draft], table: Table, found: Findings) -> None:
    """The rules of the sheet Sources."""
    _check_unique("source_name", drafts, table, found)
    types = {job.values["source_name"]: job.values.get("source_type") for job in jobs if "source_name" in job.values}
    for draft in drafts:
        name = draft.values.get("source_name")
        if name is not None and name not in types:
            message = f"{quoted(name)} is the source_name of no job{found.did_you_mean(name, types)}"
            found.warnings.append(table.problem("source_name", draft.row, message))
        kind = SOURCE_TYPES.get(str(types.get(name or "")))
        if draft.values.get("auth") == "managed_identity" and kind and not kind.managed_identity:
            message = f"'managed_identity' does not work for {kind.name}; use password"
            found.problems.append(table.problem("auth", draft.row, message))


def check_defaults(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """The rules of the sheet Defaults."""
    _check_unique("scope", drafts, table, found)


def check_requests(drafts: Sequence[Draft], jobs: Sequence[Draft], table: Table, found: Findings) -> None:
    """The rules of the sheet Requests."""
    _check_unique("request_id", drafts, table, found)
    known = {job.values["job_id"]: job for job in jobs if "job_id" in job.values}
    for draft in drafts:
        job = known.get(draft.values.get("job_id", ""))
        if job is not None:
            _check_order(draft, job, table, found)
        elif "job_id" in draft.values:
            name = draft.values["job_id"]
            message = f"{quoted(name)} is not a job_id of the sheet SourceConfig{found.did_you_mean(name, known)}"
            found.problems.append(table.problem("job_id", draft.row, message))


def _check_order(draft: Draft, job: Draft, table: Table, found: Findings) -> None:
    values = draft.values
    if job.values.get("enabled") is False:
        message = f"{quoted(values['job_id'])} is disabled in row {job.row}; the request waits until it is enabled"
        found.warnings.append(table.problem("job_id", draft.row, message))
    if values.get("action") != "backfill":
        return
    destination = DESTINATIONS[job.values.get("destination", Job.model_fields["destination"].default)]
    if job.values.get("load_type") == "FULL":
        message = f"'backfill' needs a watermark_column, but job {quoted(values['job_id'])} has load_type FULL"
        found.problems.append(table.problem("action", draft.row, message))
    elif job.values.get("table_format", "parquet") != "delta":
        message = f"'backfill' needs table_format delta, but job {quoted(values['job_id'])} writes parquet"
        found.problems.append(table.problem("action", draft.row, message))
    elif not destination.keeps_record and not job.values.get("primary_key"):
        lacking = f"which job {quoted(values['job_id'])} does not have"
        message = f"'backfill' into {destination.label} needs primary_key, {lacking}"
        found.problems.append(table.problem("action", draft.row, message))
    types, column = job.values.get("column_types", {}), job.values.get("watermark_column")
    for name in ("from", "to"):
        wrong = misfit(values[name], types.get(column)) if name in values else None
        if wrong:
            found.problems.append(table.problem(name, draft.row, f"{quoted(values[name])} {wrong}"))
    if "from" in values and "to" in values and comes_before(values["from"], values["to"]) is False:
        message = f"{quoted(values['to'])} does not come after from, {quoted(values['from'])}"
        found.problems.append(table.problem("to", draft.row, message))


def _check_ids(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """A job's state is found by its pipeline's name, in which case and punctuation do not count."""
    named = [draft for draft in drafts if "job_id" in draft.values]
    for first, second in _clashes(named, lambda draft: lake_layout.pipeline_name(draft.values["job_id"])):
        theirs, ours = first.values["job_id"], second.values["job_id"]
        place = table.cell("job_id", first.row)
        if theirs.casefold() == ours.casefold():
            message = f"'{ours}' is already the name of a job in {place}; give each job its own name"
        else:
            message = f"'{ours}' is too like '{theirs}' in {place}: they would share one pipeline name"
        found.problems.append(table.problem("job_id", second.row, message))


def _check_parents(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """A job that is asked for each row of another needs one of the same source, which is asked for by itself."""
    known = {draft.values["job_id"]: draft for draft in drafts if "job_id" in draft.values}
    for draft in drafts:
        text = draft.values.get("api_for_each") or "list:"
        if text.startswith("list:"):
            continue
        name = text.partition(".")[0]
        parent = known.get(name)
        if parent is None:
            wrong = f"names '{name}', which is not a job_id of this sheet{found.did_you_mean(name, known)}"
        elif parent.values.get("source_name") != draft.values.get("source_name"):
            wrong = f"names '{name}', which reads another source"
        elif parent.values.get("api_for_each"):
            wrong = f"names '{name}', which has an api_for_each itself"
        elif text.partition(".")[2].replace(".", "__") in parent.values.get("masked_columns", {}):
            wrong = f"writes a column into addresses that job '{name}' masks; name another field"
        else:
            continue
        found.problems.append(table.problem("api_for_each", draft.row, f"{quoted(text)} {wrong}"))


def _check_datasets(drafts: Sequence[Draft], jobs: Sequence[Job], table: Table, found: Findings) -> None:
    enabled = [
        (draft, dataset_path(job))
        for draft, job in zip(drafts, jobs, strict=True)
        if draft.values.keys() >= _DATASET_COLUMNS and draft.values["enabled"]
    ]
    for (first, _), (second, path) in _clashes(enabled, lambda item: item[1].casefold()):
        column = DESTINATIONS[second.with_defaults(table.spec)["destination"]].place_column
        message = (
            f"{quoted(second.values.get(column) or '')} gives the dataset {path}, which job "
            f"'{first.values['job_id']}' in row {first.row} writes too; choose another one or disable one of the jobs"
        )
        found.problems.append(table.problem(column, second.row, message))


def _check_nesting(drafts: Sequence[Draft], jobs: Sequence[Job], table: Table, found: Findings) -> None:
    """See that no dataset is a folder of another: a full load replaces all that is in its own."""
    places = [
        (draft, lake_path(job))
        for draft, job in zip(drafts, jobs, strict=True)
        if draft.values.keys() >= _DATASET_COLUMNS and draft.values["enabled"]
    ]
    outer: dict[str, Draft] = {path.casefold(): draft for draft, path in places}
    wildcards: dict[str, list[tuple[str, Draft]]] = {}
    for draft, path in places:
        table_name = draft.values.get("table_name") or ""
        if "*" in table_name:
            pattern = f"{draft.values['source_name']}_{table_name}"
            wildcards.setdefault(path.casefold().rpartition("/")[0], []).append((pattern, draft))
    for draft, path in places:
        parent = path.casefold().rpartition("/")[0]
        while "/" in parent:
            above, _, name = parent.rpartition("/")
            holder = outer.get(parent) or next(
                (one for pattern, one in wildcards.get(above, ()) if matches([pattern], name)), None
            )
            if holder is not None and holder is not draft:
                message = (
                    f"{quoted(draft.values['target_folder_path'])} is within the dataset {parent}, which job "
                    f"'{holder.values['job_id']}' in row {holder.row} writes; choose a folder beside it"
                )
                found.problems.append(table.problem("target_folder_path", draft.row, message))
                break
            parent = above


def _check_source_types(drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    """Sources share a secret by name, so one name for two kinds of system is rarely meant."""
    types: dict[str, Draft] = {}
    for draft in drafts:
        if "source_name" not in draft.values or "source_type" not in draft.values:
            continue
        secret = draft.values["source_name"].casefold().replace("_", "-")
        first = types.setdefault(secret, draft)
        ours, theirs = draft.values, first.values
        if (ours["source_name"], ours["source_type"]) != (theirs["source_name"], theirs["source_type"]):
            message = (
                f"{quoted(ours['source_name'])} ({ours['source_type']}) shares the secret source-{secret} with "
                f"{quoted(theirs['source_name'])} ({theirs['source_type']}) in row {first.row}"
            )
            found.warnings.append(table.problem("source_name", draft.row, message))


def _check_unique(column: str, drafts: Sequence[Draft], table: Table, found: Findings) -> None:
    named = [draft for draft in drafts if column in draft.values]
    for first, second in _clashes(named, lambda draft: str(draft.values[column]).casefold()):
        message = f"{quoted(second.values[column])} is in {table.cell(column, first.row)} already"
        found.problems.append(table.problem(column, second.row, message))


def _clashes(items: Iterable[_T], key: Callable[[_T], Hashable]) -> Iterator[tuple[_T, _T]]:
    """Pairs of a first item and a later one with the same key."""
    first: dict[Hashable, _T] = {}
    for item in items:
        earlier = first.setdefault(key(item), item)
        if earlier is not item:
            yield earlier, item
