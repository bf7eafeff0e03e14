"""Whether an answer says that there are more rows than it holds, so that a load does not end before they have come."""

from __future__ import annotations

import re
from typing import Any

from dlt.sources.helpers.rest_client.detector import find_next_page_path

from shared.sources.rest.page import Page

_MORE = re.compile(r"_?(has_?more|has_?next(_?page)?|more_?available|is_?truncated)$", re.IGNORECASE)
_ADDRESS = ("http://", "https://", "/", "?")


def flag_of_more(document: Any, before: str = "") -> str | None:
    """The path of a field like `has_more` that is true, outside of lists; None where there is none."""
    for name, value in document.items() if isinstance(document, dict) else ():
        path = f"{before}{name}"
        if value is True and _MORE.match(name):
            return path
        if isinstance(value, dict) and (found := flag_of_more(value, f"{path}.")):
            return found
    return None


def says_more(page: Page) -> str | None:
    """Where an answer tells of a next page, None where it does not or is a single row itself."""
    if page.answer.links.get("next"):
        return "its header Link"
    if page.document is None or page.rows == [page.document]:
        return None
    path, mark = find_next_page_path(page.document)
    if path and str(mark).startswith(_ADDRESS):
        return f"'{'.'.join(path)}'"
    flag = flag_of_more(page.document)
    return f"'{flag}'" if flag else None
