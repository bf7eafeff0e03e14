"""Whether an answer says that there are more rows than it holds, so that a load does not end before they have come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dlt.sources.helpers.rest_client.detector import find_next_page_path

from shared.sources.rest.page import Page

_MORE = re.compile(r"_?(has_?more|has_?next(_?page)?|more_?available|is_?truncated)$", re.IGNORECASE)
_NEXT = re.compile(r"__next|.*next_?link|.*continuation_?token|cursor", re.IGNORECASE)
_TOTAL = re.compile(
    r"count|total|(total|full)_?(count|hits|results|rows|records|items|elements|size)|num_?found|@odata\.count",
    re.IGNORECASE,
)
_TOTAL_HEADERS = ("X-Total-Count", "X-Total", "X-WP-Total")
_ADDRESS = ("http://", "https://", "/", "?")


def is_address(mark: Any) -> bool:
    """Whether what names the next page is its address, and no cursor."""
    return isinstance(mark, str) and mark.startswith(_ADDRESS)


def next_page(document: Any) -> tuple[str | None, Any]:
    """Where an answer names its next page, and what stands there; None where it does not."""
    path, mark = find_next_page_path(document)
    if path:
        return ".".join(path), mark
    named = ((path, value) for path, name, value in _fields(document) if _NEXT.fullmatch(name))
    return next(((path, value) for path, value in named if value and isinstance(value, str)), (None, None))


def flag_of_more(document: Any) -> str | None:
    """The path of a field like `has_more` that is true; None where there is none."""
    return next((path for path, name, value in _fields(document) if value is True and _MORE.match(name)), None)


def larger_total(page: Page) -> str | None:
    """Where an answer tells a number of rows that is larger than the page's; None where it does not."""
    numbers = [(path, value) for path, name, value in _fields(page.document) if _TOTAL.fullmatch(name)]
    numbers += [(f"header {name}", page.answer.headers.get(name)) for name in _TOTAL_HEADERS]
    return next((place for place, number in numbers if _whole(number) > len(page.rows)), None)


def says_more(page: Page) -> str | None:
    """Where an answer tells that there is more than it holds, None where it does not or is a single row itself."""
    if page.answer.links.get("next"):
        return "its header Link"
    if page.document is None or page.rows == [page.document]:
        return None
    path, mark = next_page(page.document)
    place = (path if is_address(mark) else None) or flag_of_more(page.document) or larger_total(page)
    return f"'{place}'" if place else None


def _fields(document: Any, before: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, name and value of every field outside of lists."""
    for name, value in document.items() if isinstance(document, dict) else ():
        yield f"{before}{name}", name, value
        yield from _fields(value, f"{before}{name}.")


def _whole(number: Any) -> int:
    return int(number) if isinstance(number, (int, str)) and str(number).isdigit() else 0
