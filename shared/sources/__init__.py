"""The sources that a job can read. A new source type is one module and one line here."""

from __future__ import annotations

from shared.errors import ConfigurationError
from shared.models import Job, SourceType
from shared.secrets import Secret
from shared.sources.postgresql import PostgresSource
from shared.sources.source import ReadOptions, Source

SOURCES: dict[SourceType, type[Source]] = {
    SourceType.POSTGRESQL: PostgresSource,
}


def open_source(job: Job, secret: Secret, options: ReadOptions) -> Source:
    """The source of a job.

    Raises:
        ConfigurationError: there is no reader for its source type yet.
    """
    try:
        source = SOURCES[job.source_type]
    except KeyError:
        readable = ", ".join(sorted(source_type.value for source_type in SOURCES))
        raise ConfigurationError(
            f"Job '{job.job_id}': source_type {job.source_type.value} cannot be read yet; readable are {readable}."
        ) from None
    return source(job, secret, options)
