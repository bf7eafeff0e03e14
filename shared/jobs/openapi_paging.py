"""How the pages of an endpoint follow, by the names of its parameters and of the fields of its answer; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_LARGEST_PAGE = 1000
_PAGE_WITHOUT_WORD = 100  # rows, if the document requires a limit and names none

_OFFSET = ("offset", "skip", "startat", "startindex", "start", "pageoffset")
_PAGE = ("page", "pagenumber", "pageno", "pagenum", "pageindex")
_CURSOR = (
    *("cursor", "pagetoken", "nexttoken", "continuationtoken", "continuation", "startingafter", "after", "marker"),
    *("pageafter", "pagecursor", "nextcursor", "scrollid"),
)
_LIMIT = (
    *("limit", "perpage", "pagesize", "pagelimit", "size", "maxresults", "top", "take", "count", "maxrecords"),
    *("resultsperpage", "itemsperpage", "maxitems"),
)
_NEXT_CURSOR = (
    *("nextcursor", "nextpagetoken", "nexttoken", "continuationtoken", "endcursor", "cursor", "continuation", "after"),
    *("nextpage", "nextmarker", "scrollid"),
)
_NEXT_URL = ("nexturl", "nextlink", "nextpageurl", "odatanextlink", "nexthref", "next")
_TOTAL = (
    "total",
    "totalcount",
    "totalitems",
    "totalelements",
    "totalresults",
    "totalrecords",
    "totalrows",
    "odatacount",
)


@dataclass(frozen=True)
class Paging:
    """The cells about pages, why they are so, and the parameters that they take care of."""

    cells: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    parameters: frozenset[str] = frozenset()


def paging_of(query: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]], headers: Iterable[str]) -> Paging:
    """How the pages of an endpoint follow.

    Args:
        query: Its parameters by name.
        fields: The fields of its answer beside the rows, by path.
        headers: Those of its answer, in small letters.
    """
    limit, page, offset, cursor = (_first(query, names) for names in (_LIMIT, _PAGE, _OFFSET, _CURSOR))
    next_cursor, next_url = _last_part(fields, _NEXT_CURSOR), _last_part(fields, _NEXT_URL)
    total = _last_part(fields, _TOTAL)
    cells: dict[str, Any]
    if cursor and next_cursor:
        cells = {"pagination_type": "cursor", "api_cursor_param": cursor, "api_cursor_path": next_cursor}
        reason = f"The answer has {next_cursor}, which the parameter {cursor} takes."
    elif next_url:
        cells = {"pagination_type": "next_url", "api_cursor_path": next_url}
        reason = f"The answer has the address of the next page in {next_url}."
    elif page:
        cells = {"pagination_type": "page", "api_page_param": page}
        reason = f"The parameter {page} takes the number of a page."
    elif offset:
        cells = {"pagination_type": "offset", "api_offset_param": offset}
        reason = f"The parameter {offset} takes how many rows to pass over."
    elif "link" in headers:
        cells = {"pagination_type": "link_header"}
        reason = "The answer has the header Link."
    else:
        cells, reason = (
            {"pagination_type": "auto"},
            "The document does not say how pages follow: the first answer shows it.",
        )
    if limit:
        cells["api_limit_param"] = limit
        if size := _page_size(query[limit]):
            cells["api_page_size"] = size
    if total:
        cells["api_total_path"] = total
    shown = {name: value for name, value in cells.items() if not _cannot_be_named(name, value)}
    return Paging(shown, reason, frozenset(one for one in (limit, page, offset, cursor) if one))


def _page_size(parameter: Mapping[str, Any]) -> int | None:
    schema = parameter.get("schema")
    said = {**(schema if isinstance(schema, Mapping) else {}), **parameter}
    for name in ("maximum", "default"):
        value = said.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 1:
            return min(int(value), _LARGEST_PAGE)
    return _PAGE_WITHOUT_WORD if parameter.get("required") is True else None


def _first(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    plain = {_plain(name): name for name in reversed(list(names))}
    return next((plain[one] for one in wanted if one in plain), None)


def _last_part(fields: Mapping[str, Mapping[str, Any]], wanted: tuple[str, ...]) -> str | None:
    plain = {_plain(path.rpartition(".")[2]): path for path in reversed(list(fields))}
    whole = {_plain(path): path for path in fields}  # @odata.nextLink, links.next
    return next((found for one in wanted if (found := plain.get(one) or whole.get(one))), None)


def _cannot_be_named(cell: str, value: Any) -> bool:
    """Whether a JSON path cannot name a field: blank lets the load look for it."""
    return cell in ("api_cursor_path", "api_total_path") and bool(re.search(r"[@\s\[\]]", str(value)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
