"""What a database driver's error means: try again later, or tell a person what to mend.

PostgreSQL's classes are the SQLSTATE codes of its manual (https://www.postgresql.org/docs/current/errcodes-appendix.html);
an error while connecting has no code, so its text decides.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from shared.errors import IngestionError, SourceError, TransientError
from shared.models import Job
from shared.secrets import Secret
from shared.sources.connection import SqlConnection

_TRANSIENT_STATES = (
    "08",  # connection exception
    "25P03",  # idle in transaction timeout
    "40",  # serialization failure, deadlock
    "53",  # insufficient resources: too many connections, disk full, out of memory
    "55P03",  # lock not available
    "57P",  # shutdown, crash, cannot connect now
    "58",  # system error outside PostgreSQL
)
_FATAL_TEXTS = {
    "password authentication failed": "the user name or the password is wrong",
    "no password supplied": "the secret has no password",
    "does not exist": "the database or the user does not exist",
    "no pg_hba.conf entry": "the server does not let this user or address in",
    "login failed": "the user name or the password is wrong",
}
_TRANSIENT_TEXTS = (
    "connection refused",
    "connection reset",
    "server closed the connection",
    "connection timeout",
    "timeout expired",
    "timed out",
    "could not translate host name",
    "name or service not known",
    "temporary failure in name resolution",
    "starting up",
    "shutting down",
    "too many clients",
    "broken pipe",
)


def explain(error: BaseException, job: Job, connection: SqlConnection, secret: Secret) -> BaseException:
    """A driver's error as a `SourceError` or `TransientError` of one sentence; other errors come back unchanged."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(origin, IngestionError) or not _of_a_driver(origin):
        return error
    state = str(getattr(origin, "sqlstate", None) or "")
    text = secret.redact(" ".join(str(origin).split()))
    place = f"source '{job.source_name}' ({connection.place})"
    lowered = text.lower()
    if not state.strip("\0"):
        for fragment, meaning in _FATAL_TEXTS.items():
            if fragment in lowered:
                return SourceError(f"Cannot sign in to {place}: {meaning}. The driver says: {text[:500]}")
    if state.startswith(_TRANSIENT_STATES) or any(fragment in lowered for fragment in _TRANSIENT_TEXTS):
        return TransientError(f"{place} cannot be read just now: {text[:500]}")
    return SourceError(f"{place} refused: {text[:500]}")


def _of_a_driver(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in ("psycopg", "adbc_driver_manager", "oracledb", "mssql_python")
