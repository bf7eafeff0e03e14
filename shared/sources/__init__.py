"""The sources that a job can read: which ones there are is in `shared.jobs.source_types`."""

from __future__ import annotations

from pkgutil import resolve_name

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.source_types import source_type
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.connection import dialect_name
from shared.sources.source import MaskingSource, ReadOptions, Source

_ANY_OTHER_DATABASE = "shared.sources.fallback:FallbackSource"


def open_source(job: Job, secret: Secret, options: ReadOptions) -> Source:
    """The source of a job. A secret that names another database than its source type is read through SQLAlchemy.

    Raises:
        ConfigurationError: there is no reader for its source type, or none that masks columns, or the secret does not
            describe a connection.
    """
    try:
        kind = source_type(job.source_type)
    except ConfigurationError as error:
        raise ConfigurationError(f"Job '{job.job_id}': {error}") from None
    is_other = kind.is_database and dialect_name(secret) not in (None, *kind.url_schemes)
    reader: type[Source] = resolve_name(_ANY_OTHER_DATABASE if is_other else kind.reader)
    source = reader(job, secret, options)
    if job.masked_columns and not isinstance(source, MaskingSource):
        raise ConfigurationError(
            f"Job '{job.job_id}': a source of type {job.source_type} cannot mask columns; leave masked_columns blank."
        )
    return source
