"""The sheets of the workbook: SourceConfig, and the two optional ones with their columns."""

from __future__ import annotations

from dataclasses import replace

from shared.jobs.source_types import SOURCE_TYPES
from shared.models.job import Defaults, Request, Source
from shared.workbook.column import Column, SheetSpec, When
from shared.workbook.columns import JOB_ID, SOURCE_CONFIG, SOURCE_NAME, WATERMARK
from shared.workbook.inheritance import ALL, INHERITED, NO_DEFAULT
from shared.workbook.kinds import Choice, Integer, Text
from shared.workbook.structured_kinds import QuietHours


def _defaults(of_what: str) -> tuple[Column, ...]:
    """The columns of SourceConfig whose values a row has for jobs with a blank cell."""
    return tuple(
        replace(
            SOURCE_CONFIG.by_name[name],
            required=False,
            applies=None,
            help=f"{name} of {of_what} whose own cell is blank; {NO_DEFAULT} there takes no default.",
        )
        for name in INHERITED
    )


SOURCES = SheetSpec(
    "Sources",
    Source,
    (
        Column("source_name", SOURCE_NAME, "A source_name of the sheet SourceConfig.", "shop_pg", required=True),
        Column(
            "max_concurrent_jobs",
            Integer(1, 64),
            "Jobs of this source that run at once. Blank takes the setting SOURCE_CONCURRENCY (4).",
            2,
        ),
        Column(
            "secret_name",
            Text(r"[A-Za-z0-9-]{1,127}", "is not a name in Key Vault: letters, digits and '-'", label="name"),
            "The secret in Key Vault: its name begins with source-, or it has the tag ingestion-source. Blank is "
            "source-{source_name}, with '-' for '_'.",
            "source-shop-reader",
        ),
        Column(
            "auth",
            Choice(("password", "managed_identity")),
            "How to sign in: with what the secret holds, or as the app's managed identity.",
            "password",
        ),
        Column(
            "quiet_hours",
            QuietHours(),
            "No scheduled job of this source starts within these hours, UTC.",
            "07:00-19:00 UTC",
        ),
        Column(
            "max_shrink_percent",
            Integer(0, 100),
            "max_shrink_percent of the source's jobs whose own cell is blank.",
            50,
        ),
        *_defaults("the source's jobs"),
    ),
    help="Optional. One row per source system for what holds for all its jobs.",
)

DEFAULTS = SheetSpec(
    "Defaults",
    Defaults,
    (
        Column(
            "scope",
            Choice((ALL, *SOURCE_TYPES)),
            "The jobs that the row is for: all, or those of a source_type, whose row comes first.",
            ALL,
            required=True,
        ),
        *_defaults("jobs"),
    ),
    help="Optional. What jobs take for a blank cell, unless the row of their source in the sheet Sources has it.",
)

_IS_BACKFILL = When("action", ("backfill",))
_IS_FOR_A_JOB = When("action", ("run", "full_refresh", "backfill"))

REQUESTS = SheetSpec(
    "Requests",
    Request,
    (
        Column(
            "request_id", JOB_ID, "A name of your choice; a request is carried out once.", "2026-01-fix", required=True
        ),
        Column(
            "job_id",
            JOB_ID,
            "A job_id of the sheet SourceConfig.",
            "pg_orders_incr",
            required=_IS_FOR_A_JOB,
            applies=_IS_FOR_A_JOB,
        ),
        Column(
            "action",
            Choice(("run", "full_refresh", "backfill", "remove_jobs")),
            "Run the job once, load it again from the start, or load a range again. remove_jobs confirms that this "
            "upload removes most jobs, which is refused without it.",
            "backfill",
            required=True,
        ),
        Column(
            "from",
            WATERMARK,
            "The first value of watermark_column that a backfill loads.",
            "2026-01-01",
            required=_IS_BACKFILL,
            applies=_IS_BACKFILL,
            field="start",
        ),
        Column(
            "to",
            WATERMARK,
            "The value of watermark_column at which a backfill ends; it is not loaded itself.",
            "2026-02-01",
            required=_IS_BACKFILL,
            applies=_IS_BACKFILL,
            field="end",
        ),
    ),
    help="Optional. One row per one-off request; each is carried out once after the upload that brought it.",
)

SHEETS = (SOURCE_CONFIG, SOURCES, DEFAULTS, REQUESTS)
