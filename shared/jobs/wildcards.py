"""Rows that name many tables: `table_name = ord*` becomes one job per table when a run is planned; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from shared.jobs.destinations import dataset_path
from shared.jobs.patterns import matches
from shared.jobs.source_types import source_type
from shared.models.job import Job

_SEPARATOR = "."  # never part of a job_id in the workbook, so it marks an expanded one
_AS_IT_IS = re.compile(r"[A-Za-z0-9_-]")
_ESCAPED = re.compile(r"(?:~[0-9a-f]{2})+")


def is_wildcard(job: Job) -> bool:
    """Whether a job loads every table that its `table_name` matches."""
    return "*" in (job.table_name or "")


def table_of(job: Job) -> tuple[str, str, str]:
    """Source, schema and table that a job reads, as they are compared: case counts where it does in the source."""
    folded = source_type(job.source_type).folded
    return job.source_name, folded(job.schema_name or ""), folded(job.table_name or "")


def expand(
    job: Job, table_names: Iterable[str], taken: Collection[str] = (), rows: Collection[tuple[str, str, str]] = ()
) -> list[Job]:
    """One job per table that a wildcard job matches, in the order of the names; any other job as it is.

    Args:
        job: A job of the workbook.
        table_names: The tables of its schema, as the source spells them.
        taken: What the rows of single tables write (`destinations.dataset_path`): such a row wins over a wildcard.
        rows: What they read (`table_of`), wherever they write it: such a row wins, too.
    """
    if not is_wildcard(job):
        return [job]
    wanted = sorted(
        name
        for name in set(table_names)
        if matches([job.table_name or ""], name) and not matches(job.excluded_tables, name)
    )
    jobs = (_for_table(job, name) for name in wanted)
    return [one for one in jobs if dataset_path(one) not in taken and table_of(one) not in rows]


def base_job_id(job_id: str) -> str:
    """The job of the workbook that an id comes from: itself, or the wildcard job that was expanded to it."""
    return job_id.partition(_SEPARATOR)[0]


def expanded_job(job: Job, job_id: str) -> Job:
    """The job of an id that `expand` gave, made again from its wildcard job, so that no plan need carry it."""
    escaped = job_id.partition(_SEPARATOR)[2]
    table = _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("~", "")).decode(), escaped)
    return _for_table(job, table)


def _for_table(job: Job, table_name: str) -> Job:
    escaped = "".join(
        character if _AS_IT_IS.match(character) else "".join(f"~{byte:02x}" for byte in character.encode())
        for character in table_name
    )
    update = {"job_id": f"{job.job_id}{_SEPARATOR}{escaped}", "table_name": table_name, "excluded_tables": ()}
    return job.model_copy(update=update)
