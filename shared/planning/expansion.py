"""Wildcard jobs at plan time: one question to each source and schema, one job per table that it names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from shared.errors.hierarchy import ConfigurationError, IngestionError, SourceError
from shared.isolation.parent import Limits, run_in_child
from shared.jobs.destinations import dataset_path
from shared.jobs.masks import masks_of
from shared.jobs.wildcards import expand, is_wildcard, table_of
from shared.models.job import Job
from shared.models.run import JobOptions
from shared.secrets import connection_secret
from shared.workbook.configuration import Configuration

log = logging.getLogger(__name__)


LIST_SECONDS = 60  # for the names of one schema's tables


_AT_ONCE = 4  # sources that are asked


_SchemaKey = tuple[str, str | None]


@dataclass
class Expansion:
    """The jobs of a run with every wildcard job replaced by those of its tables.

    Attributes:
        jobs: The jobs in their order.
        options: How single jobs differ, by job id; those of a wildcard job are those of each of its jobs.
        tables: How many tables each wildcard job matches.
        failed: Wildcard jobs whose tables are not known, with the reason.
    """

    jobs: list[Job] = field(default_factory=list)
    options: dict[str, JobOptions] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    failed: dict[str, IngestionError] = field(default_factory=dict)


def expand_wildcards(jobs: Sequence[Job], options: Mapping[str, JobOptions], configuration: Configuration) -> Expansion:
    """Ask the sources for their tables; a source that does not answer fails its wildcard jobs and no others.

    A table with its own enabled row is left to that row, and one that two wildcards name to the first of them.

    Args:
        jobs: The jobs of the run.
        options: How single jobs differ, by job id.
        configuration: The workbook that they are from.
    """
    listed = _list_tables([job for job in jobs if is_wildcard(job)], configuration)
    single = [job for job in configuration.jobs if job.enabled and not is_wildcard(job)]
    taken, rows = {dataset_path(job) for job in single}, {table_of(job) for job in single}
    expansion = Expansion(options=dict(options))
    for job in jobs:
        if not is_wildcard(job):
            expansion.jobs.append(job)
            continue
        names = listed[_schema(job)]
        if isinstance(names, IngestionError):
            expansion.failed[job.job_id] = names
            continue
        if not expand(job, names):
            text = f"Job '{job.job_id}': no table of schema '{job.schema_name}' matches '{job.table_name}'."
            expansion.failed[job.job_id] = SourceError(f"{text} {len(names)} tables and views are there.")
            continue
        tables = expand(job, names, taken, rows)
        if error := _absent_masks(job, tables, configuration):
            expansion.failed[job.job_id] = error
            continue
        own = _without_twins(tables, expansion.failed)
        taken.update(dataset_path(one) for one in own)
        expansion.jobs += own
        expansion.tables[job.job_id] = len(own)
        if option := expansion.options.pop(job.job_id, None):
            expansion.options.update((one.job_id, option) for one in own)
    return expansion


def _absent_masks(job: Job, tables: list[Job], configuration: Configuration) -> IngestionError | None:
    """The error for a wildcard job that masks a column which none of its tables has: it may be spelled wrong.

    A mask without a ? needs no such look: a table without the column fails by itself.
    """
    if not tables or not any(mask.is_optional for mask in masks_of(job).values()):
        return None
    try:
        absent = _ask("absent_masks", {"jobs": tables}, job, configuration)
    except IngestionError as error:
        return error
    if not absent:
        return None
    return SourceError(
        f"Job '{job.job_id}': masked_columns '{absent[0]}' is a column of none of its {len(tables)} tables. Write it "
        "as the source does, or take it out. Nothing was loaded, because the column that is meant would not be masked."
    )


def _without_twins(jobs: Sequence[Job], failed: dict[str, IngestionError]) -> list[Job]:
    """The jobs of a wildcard, without those that would write the table of an earlier one, as in Databricks T and t."""
    places: dict[str, Job] = {}
    for job in jobs:
        first = places.setdefault(dataset_path(job), job)
        if first is not job:
            failed[job.job_id] = ConfigurationError(
                f"Job '{job.job_id}': table '{job.table_name}' would be {dataset_path(job)}, which table "
                f"'{first.table_name}' is already: leave one out with excluded_tables, or give it a row and a "
                "target of its own."
            )
    return list(places.values())


def _list_tables(jobs: Sequence[Job], configuration: Configuration) -> dict[_SchemaKey, list[str] | IngestionError]:
    """The tables of each source and schema that a job names, or why they are unknown."""
    by_schema: dict[_SchemaKey, Job] = {}
    for job in jobs:
        by_schema.setdefault(_schema(job), job)
    if not by_schema:
        return {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tables") as threads:
        answers = threads.map(lambda job: _tables_of(job, configuration), by_schema.values())
        return dict(zip(by_schema, answers, strict=True))


def _tables_of(job: Job, configuration: Configuration) -> list[str] | IngestionError:
    try:
        return _ask("list_tables", {"job": job}, job, configuration)
    except IngestionError as error:
        log.warning("The tables of source %s, schema %s cannot be listed: %s", *_schema(job), error)
        return error


def _ask(probe: str, arguments: Mapping[str, Any], job: Job, configuration: Configuration) -> list[str]:
    """The names that a probe finds in a job's source. Raises IngestionError."""
    secret = connection_secret(configuration.source(job.source_name), job.source_type)
    limits = Limits(seconds=LIST_SECONDS)
    names: list[str] = run_in_child(f"shared.sources.probe:{probe}", arguments, secret, limits, job.source_name)
    return names


def _schema(job: Job) -> _SchemaKey:
    return job.source_name, job.schema_name
