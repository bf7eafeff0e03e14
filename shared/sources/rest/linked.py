"""Pages that each name the next: by a cursor, by an address in the answer, or by a Link header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.errors.hierarchy import SourceError
from shared.sources.rest.client import Call
from shared.sources.rest.more import flag_of_end, flag_of_more, is_end, next_link, next_page, null_next
from shared.sources.rest.page import HEADER, Page, PageReader, answer_value, with_page_size, with_values
from shared.sources.rest.paths import value_at

_NUMBERS = re.compile(r"\d+")
_EMPTY_PAGES = 2  # in a row, that end pages whose next one is only counted up
_ADDRESSES = ("href", "url", "uri", "link")


class LinkedPages:
    """The pages of one endpoint.

    Args:
        reader: Fetches pages.
        base: The request without what pagination adds.
        style: cursor, next_url or link_header.
        path: Where the answer names the next page, if the job does not say it.
        param: The parameter that takes the cursor, if the job does not say it.
    """

    def __init__(
        self, reader: PageReader, base: Call, style: str, path: str | None = None, param: str | None = None
    ) -> None:
        self._reader = reader
        self._base = base
        self._style = style
        self._path = reader.job.api_cursor_path or path
        self._param = reader.job.api_cursor_param or param or "cursor"

    @property
    def _keeps_place(self) -> bool:
        """Whether the server keeps the place of the walk, as a scroll does: its cursor may stay the same."""
        return self._style == "cursor" and bool(self._reader.job.api_next_endpoint)

    def first_call(self) -> Call:
        """The request for the first page."""
        return with_page_size(self._base, self._reader.job)

    def following(self, first: Page) -> Iterator[Page]:
        """The pages after the first, one after the other.

        Raises:
            SourceError: the next page is one that was read already, or the answer does not name it.
        """
        page, number, rows, empty = first, 0, len(first.rows), 0
        seen = {first.call.url if first.call.away else self._reader.client.linked(first.call, first.answer.url)}
        sent = self._sent(first.call)
        counted = False
        while not is_end(mark := self._next(page)):
            empty = 0 if page.rows else empty + 1
            if flag_of_end(page.document) or self._has_ended(page, rows, empty, counted, mark, sent):
                return
            number += 1
            call = self._call(page, mark, f"page {number + 1}")
            known = _known(mark) if self._style == "cursor" else call.url
            counted = _is_counted(sent, known)
            sent = known
            if known in seen and not self._keeps_place:
                raise SourceError(
                    f"{page.answer.place} names as next page one that was read already: its pages run in a circle. "
                    f"Check pagination_type{'' if self._style == 'link_header' else ' and api_cursor_path'}."
                )
            seen.add(known)
            page = self._reader.fetch(call, number)
            rows += len(page.rows)
            yield page
        self._refuse_early_end(page)

    def _has_ended(self, page: Page, rows: int, empty: int, counted: bool, mark: Any, sent: str) -> bool:
        """Whether a page is the last, although it names a next one.

        An empty page is, if the API's total has come, if its cursor is the one that was sent, or if it is the second
        in a
        row and the next pages are only counted up (`offset=300` after `offset=200`). Pages behind opaque tokens may be
        empty for long while more follow. A page with rows is, if all have come and its cursor is the one that was sent.
        Where the server keeps the place, an empty page is the last, unless it says that there is more.
        """
        if self._keeps_place:
            return not page.rows and not flag_of_more(page.document)
        all_came = page.total is not None and rows >= page.total
        kept = self._style == "cursor" and _known(mark) == sent
        if page.rows:
            return kept and all_came
        return all_came or kept or (counted and empty >= _EMPTY_PAGES)

    def _sent(self, call: Call) -> str:
        """The cursor of the first request, or its address."""
        if self._style != "cursor":
            return call.url + "?" + "&".join(f"{name}={value}" for name, value in call.params.items())
        return _known(call.headers.get(self._param.removeprefix(HEADER)) or value_at(dict(call.asked), self._param))

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
            return next_link(page.answer)
        if page.document is None:
            return None
        if self._path is None:
            self._path = self._find_path(page)
        mark = answer_value(page.answer, page.document, self._path)
        if isinstance(mark, dict) and self._style == "next_url":
            mark = next((mark[name] for name in _ADDRESSES if mark.get(name)), mark)
        in_body = self._style == "cursor" and self._base.body is not None
        if isinstance(mark, (dict, list)) and mark and not in_body:
            raise SourceError(
                f"{page.answer.place} has no single value at api_cursor_path '{self._path}' but "
                f"{'an object' if isinstance(mark, dict) else 'a list'}; name the value in it."
            )
        return mark

    def _find_path(self, page: Page) -> str:
        following = next_page(page.document)
        found = following.path if following else null_next(page.document)
        if found is None:
            raise SourceError(
                f"{page.answer.place} does not name the next page in any place that is known; name the place in "
                "api_cursor_path, or set pagination_type to none."
            )
        return found

    def _call(self, page: Page, mark: Any, label: str) -> Call:
        if self._style == "cursor":
            if self._reader.job.api_next_endpoint:
                body: dict[str, Any] | None = {} if self._base.body is not None else None
                url = self._reader.client.url(self._reader.job.api_next_endpoint)
                return with_values(Call(url, label, self._base.method, {}, body), {self._param: mark}, label)
            return with_values(self.first_call(), {self._param: mark}, label)
        url = self._reader.client.linked(page.call, str(mark))
        return Call(url, label, self._base.method, {}, self._base.body)


def _known(mark: Any) -> str:
    """A cursor by which it is known again."""
    return json.dumps(mark, sort_keys=True) if isinstance(mark, (dict, list)) else str(mark)


def _is_counted(before: str, after: str) -> bool:
    """Whether two marks that follow each other differ only in a number, which grew."""
    if _NUMBERS.sub("#", before) != _NUMBERS.sub("#", after):
        return False
    pairs = list(zip(_NUMBERS.findall(before), _NUMBERS.findall(after), strict=True))
    differing = [(int(one), int(other)) for one, other in pairs if one != other]
    return len(differing) == 1 and differing[0][0] < differing[0][1]
