"""The range of a backfill as values of the watermark column."""

from __future__ import annotations

from shared.errors.hierarchy import SourceError
from shared.jobs.value_range import ValueRange
from shared.models.job import Job
from shared.sources.columns import ReadColumn
from shared.sources.source import ReadOptions
from shared.sources.watermark import typed_watermark


def backfill_range(job: Job, options: ReadOptions, cursor: ReadColumn) -> ValueRange | None:
    """What a backfill reads, None if `options` ask for none.

    Without a primary key the range ends at the watermark: what is beyond it comes with the next load, and would come
    twice.

    Raises:
        SourceError: a bound is not a value of the column, or nothing before the watermark is in the range.
    """
    if options.start is None or options.end is None:
        return None
    start = typed_watermark(options.start, cursor.type, cursor.name)
    end = typed_watermark(options.end, cursor.type, cursor.name)
    if cursor.order == "source" and not job.primary_key:
        raise SourceError(
            f"Job '{job.job_id}': the lake orders the texts of watermark_column '{cursor.name}' in another way than "
            "the source, so a range of them cannot be replaced. Give the job a primary_key."
        )
    if not job.primary_key:
        limit = typed_watermark(options.watermark or job.last_watermark, cursor.type, cursor.name)
        if limit is None or start >= limit:
            reached = "nothing yet" if limit is None else f"column '{cursor.name}' up to {limit}"
            raise SourceError(
                f"Job '{job.job_id}' has loaded {reached}: a backfill from {options.start} would bring rows that its "
                "next load brings too. Run the job instead, or give it a primary_key."
            )
        end = min(end, limit)
    return ValueRange(cursor.name, start, end)
