"""All pages of a job, whatever the API's way of dividing them, with the checks that hold for every way."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from dlt.sources.helpers.rest_client.detector import find_total_pages_path

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest.client import Call
from shared.sources.rest.linked import LinkedPages
from shared.sources.rest.more import is_address, larger_total, next_page, says_more
from shared.sources.rest.numbered import NumberedPages
from shared.sources.rest.page import Page, PageReader, with_page_size

log = logging.getLogger(__name__)


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
        """The only request; with auto its answer may tell of others, which must be as large."""
        return with_page_size(self._base, self._job) if self._job.pagination_type == "auto" else self._base

    def following(self, first: Page) -> Iterator[Page]:
        """Nothing.

        Raises:
            SourceError: the answer says that there is more, and the job does not say that one page is enough.
        """
        place = says_more(first)
        if place and self._job.pagination_type == "auto":
            raise SourceError(
                f"{first.answer.place} tells of more rows in {place}, but not how to get them: "
                "name the pagination_type instead of auto."
            )
        if place and self._job.api_max_pages > 1:
            raise SourceError(
                f"{first.answer.place} tells of more rows in {place}, which pagination_type none would leave out: say "
                "how the API pages (auto finds out by itself), or set api_max_pages to 1 if you want one page only."
            )
        if place:
            log.warning("%s tells of more rows in %s, which api_max_pages 1 leaves out.", first.answer.place, place)
        return iter(())


Pagination = SinglePage | NumberedPages | LinkedPages


def first_page(reader: PageReader, filters: Mapping[str, str]) -> tuple[Pagination, Page]:
    """The first page, and what gives the others."""
    base, style = reader.call(filters), reader.job.pagination_type
    pagination = _pagination(reader, base, style)
    page = reader.fetch(pagination.first_call(), 0)
    return (_detected(reader, base, page) if style == "auto" else pagination), page


def all_pages(reader: PageReader, filters: Mapping[str, str]) -> Iterator[Page]:
    """Every page with rows, in any order; `Page.number` tells the order.

    Args:
        reader: Fetches pages.
        filters: Parameters that make the server send newer rows only.

    Raises:
        SourceError: there are more pages than api_max_pages.
        TransientError: the API's total is not the number of rows that came.
    """
    pagination, first = first_page(reader, filters)
    limit, totals, rows, pages = reader.job.api_max_pages, [first.total], len(first.rows), 1
    yield first
    for page in pagination.following(first):
        totals.append(page.total)
        if not page.beyond:
            rows += len(page.rows)
            pages += 1
        if pages > limit:
            raise SourceError(
                f"{page.answer.place} is more than api_max_pages, {limit}, allows: raise it if the API really has so "
                "many pages, or make them larger with api_page_size."
            )
        yield page
    declared = [total for total in totals if total is not None]
    if declared and not min(declared) <= rows <= max(declared):
        raise TransientError(
            f"{first.answer.place} declares {declared[-1]} rows at api_total_path, but {rows} came: it changed while "
            "it was read, or does not count what it gives. If it never fits, leave api_total_path blank."
        )


def _pagination(reader: PageReader, base: Call, style: str) -> Pagination:
    if style in ("offset", "page"):
        return NumberedPages(reader, base, by_offset=style == "offset")
    if style in ("cursor", "next_url", "link_header"):
        return LinkedPages(reader, base, style)
    return SinglePage(reader, base)


def _detected(reader: PageReader, base: Call, page: Page) -> Pagination:
    """How an API pages, seen from its first answer."""
    if page.answer.links.get("next"):
        return LinkedPages(reader, base, "link_header")
    named, mark = next_page(page.document)
    if named:
        return LinkedPages(reader, base, "next_url" if is_address(mark) else "cursor", named)
    path, pages = find_total_pages_path(page.document)
    if path and str(pages).isdigit():
        return NumberedPages(reader, base, by_offset=False, pages=int(pages))
    if page.rows and larger_total(page):
        return NumberedPages(reader, base, by_offset=True)
    return SinglePage(reader, base)
