"""Pages that each tell the next: by a cursor, by an address in the answer, or by a Link header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shared.errors.hierarchy import SourceError
from shared.sources.rest.answer import value_at
from shared.sources.rest.client import Call
from shared.sources.rest.more import flag_of_more, next_page
from shared.sources.rest.page import Page, PageReader, with_page_size, with_values

_NO_MORE = (None, "", False, 0, "0")
_NEXT_KEY = re.compile(r"next|.*cursor|.*continuation|.*nextlink$", re.IGNORECASE)


class LinkedPages:
    """The pages of one endpoint.

    Args:
        reader: Fetches pages.
        base: The request without what pagination adds.
        style: cursor, next_url or link_header.
        path: Where the answer tells the next page, where the job does not say it.
    """

    def __init__(self, reader: PageReader, base: Call, style: str, path: str | None = None) -> None:
        self._reader = reader
        self._base = base
        self._style = style
        self._path = reader.job.api_cursor_path or path

    def first_call(self) -> Call:
        """The request for the first page."""
        return with_page_size(self._base, self._reader.job)

    def following(self, first: Page) -> Iterator[Page]:
        """The pages after the first, one after the other.

        Raises:
            SourceError: the next page is one that was read already, or the answer does not tell it.
        """
        page, number = first, 0
        seen = {self._reader.client.linked(first.call, first.answer.url)}
        while (mark := self._next(page)) not in _NO_MORE:
            number += 1
            call = self._call(page, mark, f"page {number + 1}")
            known = str(mark) if self._style == "cursor" else call.url
            if known in seen:
                raise SourceError(
                    f"{page.answer.place} names as next page one that was read already: its pages run in a circle. "
                    f"Check pagination_type{'' if self._style == 'link_header' else ' and api_cursor_path'}."
                )
            seen.add(known)
            page = self._reader.fetch(call, number)
            yield page
        self._refuse_early_end(page)

    def _refuse_early_end(self, last: Page) -> None:
        """Raises SourceError where the last answer says that there is more, but not where."""
        if flag := flag_of_more(last.document):
            place = "its header Link" if self._style == "link_header" else f"api_cursor_path '{self._path}'"
            raise SourceError(
                f"{last.answer.place} says '{flag}', but {place} names no next page: check pagination_type"
                f"{'' if self._style == 'link_header' else ' and api_cursor_path'}."
            )

    def _next(self, page: Page) -> Any:
        if self._style == "link_header":
            return page.answer.links.get("next", {}).get("url")
        if self._path is None:
            self._path = self._find_path(page)
        mark = value_at(page.document, self._path)
        if isinstance(mark, (dict, list)):
            raise SourceError(
                f"{page.answer.place} has no single value at api_cursor_path '{self._path}' but "
                f"{'an object' if isinstance(mark, dict) else 'a list'}; name the value in it."
            )
        return mark

    def _find_path(self, page: Page) -> str:
        found = next_page(page.document)[0] or _null_next(page.document)
        if found is None:
            raise SourceError(
                f"{page.answer.place} does not tell the next page anywhere that was looked; name the place in "
                "api_cursor_path, or set pagination_type to none."
            )
        return found

    def _call(self, page: Page, mark: Any, label: str) -> Call:
        if self._style == "cursor":
            param = self._reader.job.api_cursor_param or "cursor"
            return with_values(self.first_call(), {param: mark}, label)
        url = self._reader.client.linked(page.call, str(mark))
        return Call(url, label, self._base.method, {}, self._base.body)


def _null_next(document: Any, before: str = "") -> str | None:
    """The path of a key that would hold the next page but is null: there is only one page."""
    for name, value in document.items() if isinstance(document, dict) else ():
        path = f"{before}{name}"
        if value is None and _NEXT_KEY.match(name):
            return path
        if isinstance(value, dict) and (found := _null_next(value, f"{path}.")):
            return found
    return None
