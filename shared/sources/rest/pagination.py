"""All pages of a job, whatever the API's way of dividing them, with the checks that hold for every way."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from itertools import pairwise

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest.client import Call
from shared.sources.rest.content_range import content_range
from shared.sources.rest.linked import LinkedPages
from shared.sources.rest.more import (
    PARAMS,
    declared_pages,
    flag_of_end,
    is_address,
    larger_total,
    next_link,
    next_page,
    says_more,
)
from shared.sources.rest.numbered import NumberedPages
from shared.sources.rest.page import HEADER, Page, PageReader, with_page_size
from shared.sources.rest.words import word

log = logging.getLogger(__name__)

_NEXT_TOKENS = (
    "xnextpage",
    "xnextcursor",
    "xnexttoken",
    "xnextpagetoken",
    "xcontinuationtoken",
    "xmscontinuation",
    "xmscontinuationtoken",
)


class SinglePage:
    """An API that answers everything at once, or whose first page is all that is wanted.

    Args:
        reader: Fetches pages.
        base: The request.
    """

    def __init__(self, reader: PageReader, base: Call) -> None:
        self._job = reader.job
        self._base = base

    def first_call(self) -> Call:
        """The only request; with auto its answer may announce others, which must be as large."""
        return with_page_size(self._base, self._job) if self._job.pagination_type == "auto" else self._base

    def following(self, first: Page) -> Iterator[Page]:
        """Nothing.

        Raises:
            SourceError: the answer says that there is more, and the job does not say that one page is enough.
        """
        asked = {} if self._job.pagination_type == "auto" else first.call.asked  # auto's own limit is not a sign
        place = first.answer.shown(says_more(first, asked) or "")
        if place and self._job.pagination_type == "auto":
            raise SourceError(
                f"{first.answer.place} announces more rows in {place}, but not how to get them: "
                "name the pagination_type instead of auto."
            )
        if place and self._job.api_max_pages > 1:
            raise SourceError(
                f"{first.answer.place} announces more rows in {place}, which pagination_type none would leave out: say "
                "how the API pages (auto finds out by itself), or set api_max_pages to 1 if you want one page only."
            )
        if place:
            log.warning("%s announces more rows in %s, which api_max_pages 1 leaves out.", first.answer.place, place)
        return iter(())


Pagination = SinglePage | NumberedPages | LinkedPages


def first_page(reader: PageReader, base: Call, empty: Collection[int] = ()) -> tuple[Pagination, Page]:
    """The first page, and what gives the others; as `all_pages`."""
    style = reader.job.pagination_type
    pagination = _pagination(reader, base, style)
    page = reader.fetch(pagination.first_call(), 0, empty)
    if page.answer.is_empty:
        return SinglePage(reader, base), page
    return (_detected(reader, base, page) if style == "auto" else pagination), page


def all_pages(reader: PageReader, base: Call, empty: Collection[int] = ()) -> Iterator[Page]:
    """Every page with rows, in any order; `Page.number` gives the order.

    Args:
        reader: Fetches pages.
        base: The request without what pagination adds.
        empty: Statuses of the first page by which the server says that there is nothing.

    Raises:
        SourceError: there are more pages than api_max_pages.
        TransientError: the API's total is not the number of rows that came, or went down while numbered pages were
        read.
    """
    pagination, first = first_page(reader, base, empty)
    limit, rows, pages = reader.job.api_max_pages, len(first.rows), 1
    totals = _Totals(first)
    yield first
    for page in pagination.following(first):
        totals.add(page)
        if not page.beyond:
            rows += len(page.rows)
            pages += 1
        if pages > limit:
            raise SourceError(
                f"{page.answer.place} is more than api_max_pages, {limit}, allows: raise it if the API really has so "
                "many pages, or make them larger with api_page_size."
            )
        yield page
    totals.check(rows, isinstance(pagination, NumberedPages), reader.job.parallelism > 1)


class _Totals:
    """The numbers of all rows that an API's answers declare, in the order in which they came."""

    def __init__(self, first: Page) -> None:
        self._first = first
        self._declared: list[int] = []
        self.add(first)

    def add(self, page: Page) -> None:
        if page.total is not None:
            self._declared.append(page.total)

    def check(self, rows: int, are_counted: bool, are_parallel: bool) -> None:
        """See that they fit the rows.

        Pages that are counted move when rows go: others slip onto a page that was read already. When rows come, others
        are pushed onto a later page, which is not a loss unless parallel readers have read that one already.

        Raises:
            TransientError: they do not.
        """
        declared, place = self._declared, self._first.answer.place
        if not declared:
            return
        fell = any(later < earlier for earlier, later in pairwise(declared))
        if are_counted and (fell or (are_parallel and min(declared) != max(declared))):
            raise TransientError(
                f"{place} declared {min(declared)} rows at api_total_path and {max(declared)}: rows came or went "
                "while its "
                "pages were counted, so that others moved to pages that had been read already."
            )
        if not min(declared) <= rows <= max(declared):
            raise TransientError(
                f"{place} declares {declared[-1]} rows at api_total_path, but {rows} came: it changed while it was "
                "read, "
                "or does not count what it gives. If it never fits, leave api_total_path blank."
            )


def _pagination(reader: PageReader, base: Call, style: str) -> Pagination:
    if style in ("offset", "page"):
        return NumberedPages(reader, base, by_offset=style == "offset")
    if style in ("cursor", "next_url", "link_header"):
        return LinkedPages(reader, base, style)
    return SinglePage(reader, base)


def _detected(reader: PageReader, base: Call, page: Page) -> Pagination:
    """How an API pages, seen from its first answer."""
    if next_link(page.answer):
        return LinkedPages(reader, base, "link_header")
    if isinstance(page.document, dict) and page.rows != [page.document] and not flag_of_end(page.document):
        if following := next_page(page.document):
            style = "next_url" if is_address(following.mark) else "cursor"
            return LinkedPages(reader, base, style, following.path, following.param)
        pages = declared_pages(page.document)
        if pages and pages[1] > pages[2]:
            return NumberedPages(reader, base, by_offset=False, pages=pages[1], first=pages[2])
    for name, value in page.answer.headers.items():
        if word(name) in _NEXT_TOKENS and value:
            return LinkedPages(reader, base, "cursor", f"{HEADER}{name}", PARAMS.get(word(name).removeprefix("x")))
    ranged = content_range(page.answer)
    if page.rows and (larger_total(page) or (ranged and ranged[0] is not None and ranged[1] != ranged[0])):
        return NumberedPages(reader, base, by_offset=True)
    return SinglePage(reader, base)
