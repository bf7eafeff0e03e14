"""Discovery: what a source has, read in a child process like a load, and written into a workbook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.activation.judge import filled_in
from shared.activation.store import configuration_store
from shared.errors.hierarchy import ConfigurationError
from shared.isolation.parent import Limits, run_in_child
from shared.jobs.proposals import HOURLY, NIGHTLY
from shared.jobs.schedules import shares_ticks
from shared.jobs.source_types import SOURCE_TYPES, shown_by, source_type
from shared.models.discovery import Discovered, FoundSource
from shared.models.job import Job, LoadType, Source
from shared.secrets import Secret, connection_secret
from shared.settings import settings
from shared.workbook.target import Target

TOTAL_SECONDS = 150  # load balancers in front of a function app give up on an answer after 230 s
_LOOK_SECONDS = 120  # of these; then tables are listed without figures


@dataclass(frozen=True)
class Wish:
    """What a caller wants to discover.

    Attributes:
        source_name: The source, whose connection is a secret.
        source_type: Its type; None if the active workbook or the secret says it.
        schema_name: Of the tables; None for that of the login.
        like: Which tables or endpoints: `*` is any number of characters.
        views: Whether views count as tables.
        container, folder: Where the tables go, see `Target`.
        workbook: Whose rows are kept; None for a new one.
        openapi: The address of an API's OpenAPI document, or the document itself.
    """

    source_name: str
    source_type: str | None = None
    schema_name: str | None = None
    like: str = "*"
    views: bool = False
    container: str | None = None
    folder: str | None = None
    workbook: bytes | None = field(default=None, repr=False)
    openapi: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Discovery:
    """What was found, and the workbook with it."""

    source_type: str
    schema_name: str | None
    found: list[Discovered]
    workbook: bytes = field(repr=False)


def discover(wish: Wish) -> Discovery:
    """Look into a source; takes up to `TOTAL_SECONDS` and a little more.

    Raises:
        SecretNotFoundError: the source has no connection.
        ConfigurationError: its type is not known, or an API has no OpenAPI document.
        SourceError: it refuses.
        TransientError: it cannot be reached now.
        WorkbookError: the workbook cannot be read.
    """
    known = _source_in_use(wish.source_name)
    secret = connection_secret(known.row, wish.source_type or known.source_type or wish.source_name)
    kind = source_type(wish.source_type or known.source_type or _type_of(secret, wish.source_name)).name
    found = _found(wish, kind, secret)
    target = Target(wish.source_name, kind, wish.like, wish.container, wish.folder, _schedules(datetime.now(UTC)))
    workbook, rows = filled_in(wish.workbook, found, target)
    return Discovery(kind, found.schema_name, rows, workbook)


def _found(wish: Wish, kind: str, secret: Secret) -> FoundSource:
    job = Job(
        job_id=f"discover-{wish.source_name}",
        source_type=kind,
        source_name=wish.source_name,
        schema_name=wish.schema_name,
        load_type=LoadType.FULL,
        enabled=True,
        target_container="",
        target_folder_path="",
    )
    arguments: dict[str, Any] = {"job": job}
    if SOURCE_TYPES[kind].is_database:
        entry = "shared.sources.discovery:discover_tables"
        arguments |= {"like": wish.like, "views": wish.views, "seconds": _LOOK_SECONDS}
    else:
        entry = "shared.sources.rest.discovery:discover_endpoints"
        arguments |= {"document": wish.openapi}
    found: FoundSource = run_in_child(entry, arguments, secret, Limits(seconds=TOTAL_SECONDS), wish.source_name)
    return found


@dataclass(frozen=True)
class _Known:
    """What the active workbook says of a source."""

    row: Source
    source_type: str | None = None


def _source_in_use(source_name: str) -> _Known:
    active = configuration_store().active()
    if active is None:
        return _Known(Source(source_name=source_name))
    jobs = (job.source_type for job in active.configuration.jobs if job.source_name == source_name)
    return _Known(active.configuration.source(source_name), next(jobs, None))


def _type_of(secret: Secret, source_name: str) -> str:
    """The source type that a secret's fields show; raises ConfigurationError if they show none."""
    if found := shown_by(secret):
        return found
    raise ConfigurationError(
        f"The connection secret of source '{source_name}' does not show of which type it is: name its source_type "
        f"({', '.join(SOURCE_TYPES)}; any of the databases for one that SQLAlchemy reads), or add the field dialect to "
        "the secret, such as postgresql."
    )


def _schedules(now: datetime) -> frozenset[str]:
    """The schedules that the app's timer is fine enough for; the nightly one if its own cannot be read."""
    timer, zone = settings().ingestion_schedule, settings().time_zone
    try:
        return frozenset(one for one in (NIGHTLY, HOURLY) if not shares_ticks(timer, one, now, zone))
    except ValueError:
        return frozenset({NIGHTLY})
