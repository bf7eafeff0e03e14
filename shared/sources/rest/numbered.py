"""Pages by offset or number: any of them can be asked for at any time, so several threads do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.sources.reading import read_ahead
from shared.sources.rest.client import Call
from shared.sources.rest.pace import LoadEndedError
from shared.sources.rest.page import Page, PageReader, with_values
from shared.sources.rest.paths import value_at

log = logging.getLogger(__name__)

DEFAULT_PAGE_SIZE = 100
_NOTHING_THERE = (404, 416)
_NOTHING_BEHIND_THE_TOTAL = (*_NOTHING_THERE, 400, 422)
_COMPARED = 1000  # rows of two neighbouring pages


class NumberedPages:
    """The pages of one endpoint.

    A page may be shorter than was asked for, because the server allows no more or because it hides rows: by offset,
    what is missing of a range is asked for again from where the page ended. The first page without rows ends the
    pages, once as many as there are readers were asked for behind it and have none either: a gap would lose rows.
    Where the API declares a total, one page behind it is asked for, too: a total that is too small would lose rows.

    Args:
        reader: Fetches pages.
        base: The request without what pagination adds.
        by_offset: Whether the parameter counts rows or pages.
        pages: How many pages there are, if the API says it.
        first: The number by which the API calls its first page, if it says it.
    """

    def __init__(
        self, reader: PageReader, base: Call, by_offset: bool, pages: int | None = None, first: int = 1
    ) -> None:
        job = reader.job
        self._reader = reader
        self._base = base
        self._by_offset = by_offset
        self._param = (job.api_offset_param or "offset") if by_offset else (job.api_page_param or "page")
        self._limit_param = job.api_limit_param or "limit"
        self._asked = job.api_page_size or DEFAULT_PAGE_SIZE
        self._first = _start(base, self._param)
        self._start = self._first if self._first is not None else 0 if by_offset else first
        self._size = self._asked
        self._pages = pages

    def first_call(self) -> Call:
        """The request for the first page."""
        return self._call(0, self._asked)

    def following(self, first: Page) -> Iterator[Page]:
        """The pages after the first, in any order.

        Raises:
            SourceError: an empty page has others behind it, or pages overlap.
        """
        self._size = len(first.rows) or self._asked
        expected = self._pages if first.total is None else ceil(first.total / self._size)
        threads = self._reader.job.parallelism
        plan = _Plan(expected, behind=threads)
        plan.found(0, len(first.rows))
        yield from self._page_zero(first)
        yield from read_ahead([lambda: self._work(plan, first)] * threads, threads)
        self._refuse_gaps(plan)
        if not self._by_offset and plan.short:
            log.warning(
                "%s has fewer rows at %s than at the first page, and more pages after it: it hides rows, or leaves "
                "some out. api_total_path would decide.",
                self._reader.client.place(self._base),
                self._label(min(plan.short)),
            )

    def _page_zero(self, first: Page) -> Iterator[Page]:
        """Page 0, marked as beyond the others: if pages are counted from 0 and nothing says so, its rows would be lost.

        Only asked for if the job does not say where to start. A server that knows no page 0 refuses it, has no rows
        there, or gives one of its other pages. Pages of a single row are not pages.
        """
        is_open = not self._by_offset and self._first is None and self._start == 1 and first.rows
        if is_open and (self._pages is None or self._pages > 1):
            page = self._reader.peek(self._call(-1, self._asked))
            if page and len(page.rows) > 1:
                yield replace(page, beyond=True, total=None)

    def _refuse_gaps(self, plan: _Plan) -> None:
        """Raises SourceError where a page without rows is not the end."""
        gap = plan.first_empty
        if gap is None:
            return
        place = f"{self._reader.client.place(self._base)} has no rows at {self._label(gap)}"
        if plan.last_full > gap:
            raise SourceError(
                f"{place} but some at {self._label(plan.last_full)}: it does not hold still, hides rows, or counts in "
                "another way, and rows would be lost. Use another pagination_type, or start at another page."
            )
        if self._pages and gap < self._pages - 1:
            raise TransientError(f"{place} but declares {self._pages} pages: it changed while it was read.")

    def _work(self, plan: _Plan, first: Page) -> Iterator[Page]:
        try:
            while (index := plan.take()) is not None:
                pages = self._range(plan, index, first) if self._by_offset else self._one(plan, index)
                for page in pages:
                    yield replace(page, beyond=index == plan.expected, counted=True)
        except LoadEndedError:
            return  # another thread failed, and its error is the one to report
        except IngestionError:
            self._reader.client.stop()
            raise

    def _one(self, plan: _Plan, index: int) -> Iterator[Page]:
        page = self._fetch(index, self._asked, index == plan.expected)
        plan.found(index, len(page.rows))
        if page.rows:
            yield page

    def _range(self, plan: _Plan, index: int, first: Page) -> Iterator[Page]:
        at, end = index * self._size, (index + 1) * self._size
        before = first if index == 1 and self._size < self._asked else None
        while at < end:
            page = self._fetch(at, end - at, first.total is not None and at >= first.total)
            if not page.rows:
                plan.found(index, 0)
                return
            self._check(page, end - at, before)
            plan.found(index, len(page.rows))
            yield page
            at += len(page.rows)
            before = page

    def _fetch(self, position: int, limit: int, behind: bool) -> Page:
        """A page; many servers refuse to look behind their last one."""
        empty = _NOTHING_BEHIND_THE_TOTAL if behind else _NOTHING_THERE
        return self._reader.fetch(self._call(position, limit), position, empty)

    def _check(self, page: Page, asked: int, before: Page | None) -> None:
        if len(page.rows) > asked:
            raise SourceError(
                f"{page.answer.place} gave {len(page.rows)} rows where '{self._limit_param}' asked for {asked}; they "
                "would come twice: check api_limit_param and api_offset_param."
            )
        if before and any(row in page.rows[:_COMPARED] for row in before.rows[-_COMPARED:]):
            raise SourceError(
                f"{page.answer.place} repeats rows of the page before it, which had fewer rows than were asked for: "
                "the API counts rows that it does not show. Use another pagination_type, such as page."
            )

    def _call(self, position: int, limit: int) -> Call:
        values: dict[str, Any] = {self._param: self._start + position}
        if self._by_offset or self._reader.job.api_page_size:
            values[self._limit_param] = limit
        return with_values(self._base, values, f"{self._param} {self._start + position}")

    def _label(self, index: int) -> str:
        return f"{self._param} {self._start + index * (self._size if self._by_offset else 1)}"


class _Plan:
    """Which page is to be fetched next, shared by the threads, and what was found so far.

    Args:
        expected: How many pages there should be; one more is asked for. None where the API does not say.
        behind: How many pages behind an empty one are asked for.
    """

    def __init__(self, expected: int | None, behind: int) -> None:
        self.expected = expected
        self.first_empty: int | None = None
        self.last_full = 0
        self._behind = behind
        self._rows: dict[int, int] = {}
        self._next = 1
        self._lock = threading.Lock()

    @property
    def short(self) -> list[int]:
        """The pages within, but for the last one, that have fewer rows than the first."""
        return [index for index, rows in self._rows.items() if rows < self._rows[0] and index < self.last_full]

    def take(self) -> int | None:
        with self._lock:
            ends = [] if self.expected is None else [self.expected + 1]
            ends += [] if self.first_empty is None else [self.first_empty + 1 + self._behind]
            if ends and self._next >= min(ends):
                return None
            self._next += 1
            return self._next - 1

    def found(self, index: int, rows: int) -> None:
        with self._lock:
            self._rows[index] = rows
            if rows:
                self.last_full = max(self.last_full, index)
            else:
                self.first_empty = index if self.first_empty is None else min(self.first_empty, index)


def _start(base: Call, param: str) -> int | None:
    """Where counting starts by what api_params or api_body says of the parameter, such as page=0; None if nothing."""
    value = value_at(dict(base.asked), param)
    if value is None:
        return None
    if not str(value).isdigit():
        raise SourceError(f"{base.label} is to start at {param} '{value}' by api_params, which is not a whole number.")
    return int(value)
