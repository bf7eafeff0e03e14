"""Questions to a source that move no data; they run in a process of their own, as loads do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.errors.hierarchy import ConfigurationError
from shared.mask_key import MaskKey
from shared.models.attempt import Examination
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ColumnSource, ReadOptions, TableSource


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


def absent_masks(
    jobs: Sequence[Job],
    secret: Secret,
    report: Callable[[str, int], None],  # noqa: ARG001
) -> list[str]:
    """The columns that a wildcard job masks and none of its tables has. Raises as `list_tables`.

    Args:
        jobs: Those of its tables.
        secret: The connection of their source.
        report: Not called.
    """
    missing = set(jobs[0].masked_columns) if jobs else set()
    for job in jobs:
        if not missing:
            break
        source = open_source(job, secret, ReadOptions())
        if isinstance(source, ColumnSource):
            missing -= set(source.column_names())
    return sorted(missing)


def examine_job(
    job: Job,
    secret: Secret,
    report: Callable[[str, int], None],  # noqa: ARG001
    watermark: str | None,
    full_refresh: bool,
    mask_key: MaskKey | None = None,
) -> Examination:
    """What a load of the job would read now. Raises as `list_tables`.

    Args:
        job: The row of the workbook.
        secret: The connection of its source.
        report: Not called.
        watermark: Where the last load ended, as text.
        full_refresh: Whether an incremental job would start over.
        mask_key: The key of hashed columns; None if none is hashed.
    """
    options = ReadOptions(full_refresh=full_refresh, watermark=watermark, mask_key=mask_key)
    return open_source(job, secret, options).examine()
