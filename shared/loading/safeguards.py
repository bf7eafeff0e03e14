"""What keeps a load from doing harm in silence: changed cells, a table that shrinks, and what makes a load doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors.hierarchy import ConfigurationError, ShrunkTableError
from shared.jobs.history import refused_changes
from shared.jobs.masks import same_masks
from shared.jobs.watermarks import as_moment
from shared.loading.state import KnownMasks
from shared.models.job import Job

_AHEAD = timedelta(days=1)  # of now: time zones and clocks differ by less
_ENOUGH_ROWS = 10  # for a column without any value to be remarkable in an incremental load


def refuse_changed_cells(record: Mapping[str, Any], job: Job, lake: Iterable[str], read: Iterable[str]) -> None:
    """See that a load may add to what earlier loads have left.

    Args:
        record: That of the last load, with the cells that it ran with.
        job: The job now.
        lake: The columns that the table has in the lake.
        read: The columns that this load would read.

    Raises:
        ConfigurationError: a cell has changed that earlier rows depend on.
    """
    changes = refused_changes(record.get("cells") or {}, job, lake, read)
    if changes:
        raise ConfigurationError(
            f"Job '{job.job_id}' (row {job.row}) has loaded with other cells: {'; '.join(changes)}. Request a full "
            "refresh of the job, or change the cells back. To continue without one, set the job's watermark to where "
            f"it is to continue (POST /api/jobs/{job.job_id}/watermark)."
        )


def refuse_other_masks(known: KnownMasks, job: Job, key_version: str | None) -> None:
    """See that a load masks as the one before it, to whose rows it adds; no watermark that is set by hand changes that.

    Args:
        known: How the rows were masked that the table has.
        job: The job now.
        key_version: Of the key with which this load hashes, None if it hashes nothing.

    Raises:
        ConfigurationError: it masks other columns, or with another key.
    """
    if not same_masks(known.cell, job.masked_columns):
        was, now = (
            ", ".join(f"{name}:{mask}" for name, mask in cell.items()) for cell in (known.cell, job.masked_columns)
        )
        raise ConfigurationError(
            f"Job '{job.job_id}' (row {job.row}) has loaded with masked_columns {was or 'blank'}, and now has "
            f"{now or 'blank'}: request a full refresh of the job, or change the cell back. Files that were written "
            "before keep plain values until maintenance has removed them: `python -m localhost masks` shows which."
        )
    if key_version and known.key_version and key_version != known.key_version:
        raise ConfigurationError(
            f"Job '{job.job_id}' has hashed with key {known.key_version}, and the key is {key_version} now: the same "
            "value has another hash, so that rows could neither be joined nor updated by primary_key. Request a full "
            "refresh of the job, and of every other job that hashes, or set MASK_KEY back to the old key."
        )


def refuse_shrinking(job: Job, rows_before: int | None, rows_now: int) -> None:
    """See that a table that is replaced does not shrink further than the job allows.

    Raises:
        ShrunkTableError: it would.
    """
    limit = job.max_shrink_percent
    if limit is None or not rows_before or (rows_before - rows_now) * 100 <= limit * rows_before:
        return
    raise ShrunkTableError(
        f"Table '{job.resource_name}' has {rows_before} rows in the lake and the source gave {rows_now}: the table "
        f"would shrink by more than the {limit} % of max_shrink_percent. Nothing was loaded and the table is as it was "
        "before. See whether the source and query_filter are whole. If the rows are truly gone, request a full refresh "
        "of the job, or raise max_shrink_percent."
    )


def doubts(
    job: Job, before: Mapping[str, Any] | None, record: Mapping[str, Any], replaces: bool, now: datetime
) -> Iterator[str]:
    """What makes a load doubtful that succeeds, one sentence each.

    Args:
        job: The job.
        before: The record of the last load, None before the first.
        record: That of this one: its rows, its watermark, and the columns that have values in it.
        replaces: Whether it takes the place of the table.
        now: The time, UTC.
    """
    watermark = record.get("watermark_after")
    moment = as_moment(watermark) if watermark else None
    if moment and moment.replace(tzinfo=moment.tzinfo or UTC) > now + _AHEAD:
        yield (
            f"The watermark {watermark} of column '{job.watermark_column}' is in the future: rows before it are never "
            "loaded again. Correct the row at the source, or leave it out with query_filter, and set the watermark "
            f"back (POST /api/jobs/{job.job_id}/watermark)."
        )
    rows, earlier = int(record["rows_extracted"]), int((before or {}).get("rows_extracted") or 0)
    if replaces and earlier and rows * 2 < earlier:
        yield (
            f"The table has {rows} rows now and had {earlier} before: less than half. max_shrink_percent keeps a load "
            "from shrinking it further than you expect."
        )
    filled = record.get("filled")
    if rows >= (1 if replaces else _ENOUGH_ROWS) and filled is not None:
        emptied = {name for name, mask in job.masked_columns.items() if mask.startswith("null")}
        known = [name for name in (before or {}).get("filled") or () if name in record["columns"]]
        if empty := [name for name in known if name not in filled and name not in emptied]:
            names = ", ".join(f"'{name}'" for name in empty[:10])
            yield f"{names} had values in the last load and have none in the {rows} rows of this one."


def filled_columns(before: Mapping[str, Any] | None, filled: Iterable[str], rows: int, replaces: bool) -> list[str]:
    """The columns that count as having values: those of the last load that had enough rows to say so."""
    if rows >= (1 if replaces else _ENOUGH_ROWS):
        return sorted(filled)
    return list((before or {}).get("filled") or ())
