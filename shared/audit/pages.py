"""Pages of the audit table's partitions that are sorted newest first.

The key of such a row begins with the inverted start of its run, so a span of time is a range of keys, and a page goes
on after the key of the last row that was given: rows that are written meanwhile neither shift nor repeat anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from shared.audit.properties import as_row
from shared.audit.table import RUNS, Row, audit_table, newest_first

_FIRST_KEY, _LAST_KEY = "0", ":"  # before and after every digit


_LOOKUPS_AT_ONCE = 8


@dataclass(frozen=True)
class Span:
    """Runs that began at `start` or later and before `end`; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None

    def keys(self) -> tuple[str, str]:
        """The first key of the span, and the first one after it."""
        first = _key_of(self.end) if self.end else _FIRST_KEY
        return first, _key_of(self.start) if self.start else _LAST_KEY


@dataclass(frozen=True)
class Page:
    """Rows, and the key after which the next page begins: None if this was the last one."""

    rows: Sequence[Row]
    after: str | None


def runs_page(span: Span, statuses: Collection[str], limit: int, after: str | None) -> Page:
    """Runs of a span, the newest first.

    Args:
        span: When they began.
        statuses: Only runs with one of these; all of them if it is empty.
        limit: Rows of a page.
        after: `Page.after` of the page before.
    """
    return _page(_rows(RUNS, span, statuses, limit, after), limit)


def runs_of_job_page(job_id: str, span: Span, statuses: Collection[str], limit: int, after: str | None) -> Page:
    """The same of the runs in which a job has ended: its history has the keys of their rows."""
    return _page(_runs_of_job(job_id, span, statuses, limit, after), limit)


def loads_page(job_id: str, span: Span, statuses: Collection[str], limit: int, after: str | None) -> Page:
    """The loads of one job, the newest first; for the arguments see `runs_page`."""
    return _page(_rows(f"job:{job_id}", span, statuses, limit, after), limit)


def _page(rows: Iterator[Row], limit: int) -> Page:
    taken = list(islice(rows, limit + 1))
    return Page(taken[:limit], taken[limit - 1]["RowKey"] if len(taken) > limit else None)


def _rows(partition: str, span: Span, statuses: Collection[str], limit: int, after: str | None) -> Iterator[Row]:
    first, end = span.keys()
    query = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end"
    parameters = {"partition": partition, "first": first, "end": end}
    if after is not None:
        query += " and RowKey gt @after"
        parameters["after"] = after
    if statuses:  # words of an enumeration: nothing in them to escape
        query += f" and ({' or '.join(f'status eq {status!r}' for status in sorted(statuses))})"
    try:
        found = audit_table().query_entities(query, parameters=parameters, results_per_page=limit + 1)
        yield from map(as_row, found)
    except ResourceNotFoundError:  # the table is being made
        return


def _runs_of_job(job_id: str, span: Span, statuses: Collection[str], limit: int, after: str | None) -> Iterator[Row]:
    loads = _rows(f"job:{job_id}", span, (), limit, after)
    with ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="runs") as threads:
        while keys := [row["RowKey"] for row in islice(loads, limit + 1)]:
            for run in threads.map(_run, keys):
                if run and (not statuses or run["status"] in statuses):
                    yield run


def _run(key: str) -> Mapping[str, Any] | None:
    try:
        return as_row(audit_table().get_entity(RUNS, key))
    except ResourceNotFoundError:
        return None


def _key_of(moment: datetime) -> str:
    """Behind the keys of this very moment, before those of earlier ones."""
    return f"{newest_first(moment)}."  # "." comes after the "-" that follows the time in a key
