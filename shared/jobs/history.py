"""What a changed cell means for a job that has loaded already; pure.

A load that adds to a table continues from what earlier loads have left. A cell that decides which rows or values those
were may not change in between: the table would hold rows of both, or miss some, without any sign of it. Such a change
waits for a full refresh. A load that replaces its table takes every change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.jobs.masks import same_masks
from shared.jobs.patterns import is_chosen
from shared.models.job import Job


@dataclass(frozen=True)
class Verdict:
    """What a change of one column means where rows of earlier loads stay.

    Attributes:
        refreshes: Whether the job waits for a full refresh.
        because: Why, or what the change does, as half a sentence.
        if_in_delta: Whether that holds with table_format delta only.
        if_replaced: What the change does where every load replaces the table; None if there is nothing to say.
    """

    refreshes: bool
    because: str
    if_in_delta: bool = False
    if_replaced: str | None = None


def _goes_on(because: str) -> Verdict:
    return Verdict(False, because)


def _refreshes(because: str, *, if_in_delta: bool = False) -> Verdict:
    return Verdict(True, because, if_in_delta)


_TWO_SOURCES = "the table would hold rows of two sources"
_NEW_PLACE = "the next load makes the whole table in the new place, and the old one stays where it is"
_OTHER_ROWS = "earlier loads chose rows in another way"
_HOW = "it changes how the job runs, not what it reads"
_PAGES = "it changes how pages are asked for, not what they hold"

_PLAIN_FILES = (
    "Files that were written before keep plain values until maintenance has removed them: `python -m localhost masks` "
    "shows which"
)

VERDICTS: dict[str, Verdict] = {
    "job_id": _refreshes("a job with another name is a new job, and the table belongs to the old one"),
    "source_type": _refreshes(_TWO_SOURCES),
    "source_name": _goes_on(_NEW_PLACE),
    "schema_name": _refreshes(_TWO_SOURCES),
    "table_name": _goes_on(_NEW_PLACE),
    "load_type": _goes_on("FULL replaces the table, and so does the first INCREMENTAL load after it"),
    "enabled": _goes_on(_HOW),
    "target_container": _goes_on(_NEW_PLACE),
    "target_folder_path": _goes_on(_NEW_PLACE),
    "watermark_column": _refreshes("the last watermark is a value of another column"),
    "last_watermark": _goes_on("the first load has used it; a full refresh uses it again"),
    "query_filter": _refreshes(f"{_OTHER_ROWS}: older rows that match now would never be loaded"),
    "chunk_size": _goes_on(_HOW),
    "parallelism": _goes_on(_HOW),
    "primary_key": _refreshes("rows of earlier loads have another key", if_in_delta=True),
    "table_format": _refreshes("rows of earlier loads are in files of another format"),
    "destination": _goes_on(_NEW_PLACE),
    "databricks_catalog": _goes_on(_NEW_PLACE),
    "databricks_schema": _goes_on(_NEW_PLACE),
    "included_columns": _refreshes("an added column would be NULL in rows of earlier loads"),
    "excluded_columns": _refreshes("an added column would be NULL in rows of earlier loads"),
    "column_types": _refreshes("values of earlier loads have the old type"),
    "masked_columns": Verdict(
        True,
        f"rows of earlier loads are masked in another way, or not at all. {_PLAIN_FILES}",
        if_replaced=f"continues: the next load replaces the table. {_PLAIN_FILES}",
    ),
    "priority": _goes_on(_HOW),
    "tags": _goes_on(_HOW),
    "schedule": _goes_on(_HOW),
    "max_attempts": _goes_on(_HOW),
    "timeout_minutes": _goes_on(_HOW),
    "schema_contract": _goes_on("it applies to changes of the source from the next load on"),
    "lookback": _goes_on("the next load reads back that far"),
    "partition_column": _goes_on(_HOW),
    "excluded_tables": _goes_on("an added table is loaded from its start, an excluded one stays as it is"),
    "verify": _goes_on(_HOW),
    "detect_deletes": _goes_on("rows that are gone are found from the next load on; marks of earlier loads stay"),
    "max_deleted_percent": _goes_on(_HOW),
    "max_shrink_percent": _goes_on(_HOW),
    "partition_by": _refreshes("the files of earlier loads are in other folders"),
    "api_endpoint": _refreshes(_TWO_SOURCES),
    "api_method": _goes_on(_PAGES),
    "pagination_type": _goes_on(_PAGES),
    "api_data_path": _refreshes(_OTHER_ROWS),
    "api_response_format": _refreshes("values of earlier loads were read in another way"),
    "api_error_path": _goes_on("it says which answers are errors, not which rows are loaded"),
    "api_format_options": _refreshes("values of earlier loads were read in another way"),
    "api_for_each": _refreshes(_OTHER_ROWS),
    "api_windows": _goes_on(_PAGES),
    "api_export": _goes_on(_PAGES),
    "api_next_endpoint": _goes_on(_PAGES),
    "api_nested": _refreshes("nested values of earlier loads are in another form"),
    "api_params": _refreshes(_OTHER_ROWS),
    "api_headers": _goes_on(_PAGES),
    "api_body": _refreshes(_OTHER_ROWS),
    "api_page_size": _goes_on(_PAGES),
    "api_limit_param": _goes_on(_PAGES),
    "api_offset_param": _goes_on(_PAGES),
    "api_page_param": _goes_on(_PAGES),
    "api_cursor_path": _goes_on(_PAGES),
    "api_cursor_param": _goes_on(_PAGES),
    "api_total_path": _goes_on(_PAGES),
    "api_max_pages": _goes_on(_PAGES),
    "api_rate_limit": _goes_on(_HOW),
    "api_cursor_filter_param": _goes_on(_PAGES),
    "api_cursor_filter_format": _goes_on(_PAGES),
}
"""By column of the sheet SourceConfig; a column without a verdict continues."""


def cells_of(job: Job) -> dict[str, Any]:
    """The cells of a job that earlier loads depend on, as its record in the lake keeps them."""
    return job.model_dump(mode="json", include={name for name, verdict in VERDICTS.items() if verdict.refreshes})


def effect_of(column: str, job: Job) -> str | None:
    """What a change of a cell means for a job that has loaded, in words; None if the table is replaced anyway."""
    verdict = VERDICTS.get(column)
    if verdict is None or not _counts(verdict, job):
        return verdict.if_replaced if verdict else None
    asks = "requires a full refresh if the job has loaded" if verdict.refreshes else "continues"
    return f"{asks}: {verdict.because}"


def refused_changes(before: Mapping[str, Any], job: Job, lake: Iterable[str], read: Iterable[str]) -> list[str]:
    """Why the next load cannot add to what earlier ones have left, one phrase per cell; empty if it can.

    Args:
        before: The cells with which the last load ran, as `cells_of` gave them.
        job: The job now.
        lake: The columns that the table has in the lake.
        read: The columns that this load would read.
    """
    before = {"masked_columns": {}, **before}  # a record of before there were masks
    now, known, chosen = cells_of(job), set(lake), list(read)
    columns = known.union(chosen)
    taken_in = [name for name in chosen if name not in known and not _was_chosen(before, name, columns)]
    special = {
        "included_columns": bool(taken_in),
        "excluded_columns": bool(taken_in),
        "column_types": _retyped(before.get("column_types") or {}, now["column_types"], known),
        "masked_columns": not same_masks(before["masked_columns"], job.masked_columns),
    }
    return [
        f"{column} was {_shown(before[column])} and is {_shown(value)}: {VERDICTS[column].because}"
        for column, value in now.items()
        if column in before and before[column] != value and _counts(VERDICTS[column], job) and special.get(column, True)
    ]


def _counts(verdict: Verdict, job: Job) -> bool:
    if job.load_type.value == "FULL":
        return False
    return not verdict.if_in_delta or job.table_format == "delta"


def _was_chosen(before: Mapping[str, Any], name: str, columns: Collection[str]) -> bool:
    return is_chosen(before.get("included_columns") or (), before.get("excluded_columns") or (), name, columns)


def _retyped(was: Mapping[str, str], now: Mapping[str, str], lake: set[str]) -> bool:
    spelled = {name.casefold() for name in lake}
    changed = {name for name in {*was, *now} if was.get(name) != now.get(name)}
    return any(name.casefold() in spelled for name in changed)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return f"'{value}'" if value not in (None, "", {}) else "blank"
