"""Questions to a source that move no data; they run in a process of their own, as loads do."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors.hierarchy import ConfigurationError
from shared.models.attempt import Examination
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions, TableSource


def list_tables(job: Job, secret: Secret, report: Callable[[str, int], None]) -> list[str]:  # noqa: ARG001
    """The tables and views of the job's schema, as the source spells them.

    Raises:
        ConfigurationError: a source of this type has no tables.
        SourceError: the source refuses.
        TransientError: the source cannot be reached now.
    """
    source = open_source(job, secret, ReadOptions())
    if not isinstance(source, TableSource):
        raise ConfigurationError(f"Job '{job.job_id}': a source of type {job.source_type} has no tables to list.")
    return source.table_names()


def examine_job(
    job: Job,
    secret: Secret,
    report: Callable[[str, int], None],  # noqa: ARG001
    watermark: str | None,
    full_refresh: bool,
) -> Examination:
    """What a load of the job would read now. Raises as `list_tables`.

    Args:
        job: The row of the workbook.
        secret: The connection of its source.
        report: Not called.
        watermark: Where the last load ended, as text.
        full_refresh: Whether an incremental job would start over.
    """
    return open_source(job, secret, ReadOptions(full_refresh=full_refresh, watermark=watermark)).examine()
