"""Whose tables are maintained; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from shared.jobs.destinations import dataset_path, is_maintained
from shared.jobs.wildcards import expand, is_wildcard, table_of
from shared.workbook.configuration import Configuration


def maintained_jobs(configuration: Configuration, loaded_job_ids: Iterable[str]) -> list[str]:
    """The enabled jobs with tables to maintain that were loaded before, by id; those of wildcards table by table.

    A table is maintained under the lease of the very job that loads it, so it goes to the job that planning would
    give it to, but the sources are not asked for their tables: those that were loaded are known.

    Args:
        configuration: The active workbook.
        loaded_job_ids: Every job that ever succeeded.
    """
    loaded_job_ids = set(loaded_job_ids)
    loaded = [job for job_id in loaded_job_ids if (job := configuration.job(job_id)) and not is_wildcard(job)]
    tables: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    for job in loaded:
        if job.table_name:
            tables[job.source_name, job.schema_name].add(job.table_name)
    enabled = [job for job in configuration.jobs if job.enabled]
    single = [job for job in enabled if not is_wildcard(job)]
    taken, rows = {dataset_path(job) for job in single}, {table_of(job) for job in single}
    found = [job for job in single if job.job_id in loaded_job_ids]
    for wildcard in filter(is_wildcard, enabled):
        expanded = expand(wildcard, tables[wildcard.source_name, wildcard.schema_name], taken, rows)
        taken |= {dataset_path(job) for job in expanded}
        found += expanded
    return sorted(job.job_id for job in found if is_maintained(job))
