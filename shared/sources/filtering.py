"""The job's filter as the condition of a query."""

from __future__ import annotations

import sqlalchemy as sa

from shared.jobs.filters import FilterError, FilterRules, checked_filter
from shared.models.job import Job
from shared.settings import settings


def condition(job: Job, dialect: str, table: sa.Table) -> sa.ColumnElement[bool]:
    """The text of `query_filter` in brackets, unchanged, after the proof that it is one condition over the table.

    Args:
        job: A job with a filter.
        dialect: The database that is asked, which its secret may name otherwise than the workbook does.
        table: The table with all of its columns.

    Raises:
        FilterError: it is not.
    """
    text = str(job.query_filter)
    rules = FilterRules(settings().filter_functions, settings().query_filter_subqueries)
    columns = frozenset(column.name for column in table.columns)
    try:
        sent = checked_filter(text, dialect, rules, (job.schema_name, table.name), columns)
    except FilterError as error:
        raise FilterError(f"query_filter of job '{job.job_id}': '{text}' {error}.") from None
    return sa.literal_column(f"({sent})")  # a boolean type would become = 1 in SQL Server
