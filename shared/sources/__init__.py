"""The sources that a job can read. A new source type is one module and one line here."""

from __future__ import annotations

from shared.errors.hierarchy import ConfigurationError
from shared.models.job import Job, SourceType
from shared.secrets import Secret
from shared.sources.connection import dialect_name
from shared.sources.fallback import FallbackSource
from shared.sources.oracle.source import OracleSource
from shared.sources.postgresql import PostgresSource
from shared.sources.rest.source import RestSource
from shared.sources.source import ReadOptions, Source
from shared.sources.sqlserver.source import SqlServerSource

SOURCES: dict[SourceType, tuple[str | None, type[Source]]] = {
    SourceType.POSTGRESQL: ("postgresql", PostgresSource),
    SourceType.MSSQL: ("mssql", SqlServerSource),
    SourceType.ORACLE: ("oracle", OracleSource),
    SourceType.API: (None, RestSource),
}
"""By source type: the SQLAlchemy dialect that its reader speaks, None where it speaks none, and the reader."""


def open_source(job: Job, secret: Secret, options: ReadOptions) -> Source:
    """The source of a job. A secret that names another dialect than its source type is read through SQLAlchemy.

    Raises:
        ConfigurationError: there is no reader for its source type, or the secret does not describe a connection.
    """
    if job.source_type not in SOURCES:
        readable = ", ".join(sorted(source_type.value for source_type in SOURCES))
        raise ConfigurationError(
            f"Job '{job.job_id}': source_type {job.source_type.value} cannot be read yet; readable are {readable}."
        )
    dialect, source = SOURCES[job.source_type]
    if dialect and dialect_name(secret) not in (None, dialect):
        source = FallbackSource
    return source(job, secret, options)
