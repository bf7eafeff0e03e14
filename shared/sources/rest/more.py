"""Signs in an answer that there are more rows than it holds, or that there are none: names, flags, totals, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.sources.rest.answer import Answer
from shared.sources.rest.content_range import content_range
from shared.sources.rest.link_header import linked
from shared.sources.rest.page import Page
from shared.sources.rest.words import TOTAL, word

_MORE = re.compile(
    r"(has|have|is|get)?more(available|records|results?|items|pages?|data|rows|entries|exists?)*|(is)?(max|maximum)?(results?|rows?|records?|items?)(set|size|count|limit)?(isexceeded|exceeded|capped)|has(next|morepages?|next(page|link|items))|(is)?truncated|nextpageexists|existsnext|(exceeded|reached|hit)?(transfer|row|result|record|page|query)?limit(exceeded|reached|hit)|exceeded(transfer|row|result|record|page)limit|overflow(ed)?|results?truncated"
)
_LAST = re.compile(
    r"(is)?(the)?(last|final|end)(page|ofstream|ofresults|ofdata|reached|batch)?|(is|are|all)?(job|query|search|results?|scan|list)?(done|finished|complete|completed|exhausted)|eof"
)
_NEXT = re.compile(
    r"(odata|paging|page|links?|response|meta|result|results|results?set)?next(page|link|url|uri|href|token|cursor|mark|"
    r"marker|offset|start|startat|startindex|key|id|records|results|rows|set|batch|skip|from|after|index|value|path|request)*"
    r"|(page)?continuation(token|key|cursor|uri|url)?|lastevaluatedkey|(?!dis)\w{0,6}continue"
)
_WEAK_NEXT = re.compile(
    r"cursor|pagetoken|endcursor|aftercursor|cursorafter|scrollid|bookmark|marker|searchafter|resumptiontoken|after"
)
_PAGES = re.compile(
    r"pages|(total|num|nb|number(of)?|max|all)pages?|totalpages?count|pages?(count|total)|lastpage|totalpage"
)
_CURRENT = re.compile(r"page|(current|this)page(number|index)?|page(number|no|index|num)|number|current")
_LIMIT = re.compile(
    r"(page)?limit|(items|results|records|rows|entries)?perpage|(max)?pagesize|pagelength|maxresults|maxitems|maxrecords|itemsperpage|top|take"
)
_ASKED = re.compile(_LIMIT.pattern + r"|size|rows|count|first|max|num|number|n|length|batchsize|resultlimit")
_TOTAL_HEADER = re.compile(
    r"x?(wp|pagination|list|query)?(total|totalcount|totalitems|totalresults|totalrecords|totalelements|totalrows|count)"
)
_PAGES_HEADER = re.compile(r"x?(wp|pagination)?(total|num)?(pages|pagecount|pagescount|totalpages)")
_REMAINING = re.compile(
    r"remaining(count|items|rows|records|results|pages)?|(items|rows|records|results|pages)remaining"
)
_OF_LIMITS = re.compile(r"rate|limit|quota|credit|request|call|budget|usage", re.IGNORECASE)
_PAGER = ("page", "pages", "pager", "paging", "pagination", "pageinfo")
_RANGE_OF = re.compile(r"\s*\d+\s*-\s*\d+\s*/\s*(\d+)\s*")
_TOLD = re.compile(
    r"truncat|limited to|only the first|first \d+ (of|rows|results|records|items)|"
    r"more (rows|results|records|items|pages) (are|exist|available)",
    re.IGNORECASE,
)
_TELLS = ("warning", "warnings", "message", "messages", "notice", "notices", "note", "info")
_NEXT_HEADER = re.compile(
    r"x?(ms)?(pagination)?(next(page|cursor|token|link|url|pagetoken|offset|pageuri|marker)?|continuation(token)?)"
)
_NO_MARK = ("", "0", "null", "none", "false", "-1")
_HREF = ("href", "url", "uri", "link")
_RELATIONS = ("rel", "relation")
_ADDRESS = ("http://", "https://", "/", "?")
_PARTIAL = 206

PARAMS = {
    "nextpagetoken": "pageToken",
    "nexttoken": "nextToken",
    "nextcursormark": "cursorMark",
    "nextpage": "page",
    "nextpagenumber": "page",
    "nextoffset": "offset",
    "nextstart": "start",
    "continuationtoken": "continuationToken",
    "marker": "marker",
    "bookmark": "bookmark",
    "pagetoken": "pageToken",
    "scrollid": "scroll_id",
}
"""The parameter that takes a token of such a name; one in snake case takes its name in snake case, too."""


@dataclass(frozen=True)
class Next:
    """Where an answer names its next page, and what is there; `weak` if some APIs write it on the last page, too."""

    path: str
    mark: Any
    weak: bool = False

    @property
    def param(self) -> str:
        """The parameter that takes the mark, as far as its name says it."""
        name = self.path.rpartition(".")[2]
        if word(name).endswith("continue"):
            return name
        param = PARAMS.get(word(name), "cursor")
        return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", param).lower() if "_" in name else param


def is_end(mark: Any) -> bool:
    """Whether what is in the place of the next page says that there is none."""
    if isinstance(mark, (dict, list)):
        return not mark
    return mark is None or mark is False or str(mark).strip().lower() in _NO_MARK


def is_address(mark: Any) -> bool:
    """Whether what names the next page is its address, and no cursor."""
    return isinstance(mark, str) and (mark.startswith(_ADDRESS) or ("?" in mark and "=" in mark))


def next_page(document: Any) -> Next | None:
    """Where an answer's body names its next page."""
    found = [one for one in _marks(document) if not isinstance(one.mark, dict)]
    return next((one for one in found if not one.weak), None) or next(iter(found), None)


def null_next(document: Any) -> str | None:
    """The path of a field that would name the next page, but says that there is none."""
    for path, name, value in _fields(document):
        if is_end(value) and (_NEXT.fullmatch(word(name)) or _WEAK_NEXT.fullmatch(word(name))):
            return path
    return None


def next_link(answer: Answer) -> str | None:
    """The next page of the header `Link`."""
    header = answer.headers.get("Link")
    return linked(header, "next") if header else None


def flag_of_more(document: Any) -> str | None:
    """The path of a field like `has_more: true` or `isLast: false`."""
    for path, name, value in _fields(document):
        kind = word(name)
        if _MORE.fullmatch(kind) and (_is_true(value) or (_whole(value) or 0) > 0):
            return path
        if _is_false(value) and _LAST.fullmatch(kind):
            return path
        if value is True and _NEXT.fullmatch(kind):
            return path
        if _REMAINING.fullmatch(kind) and (_whole(value) or 0) > 0 and not _OF_LIMITS.search(path):
            return path
    return None


def flag_of_end(document: Any) -> str | None:
    """The path of a field like `has_more: false` or `isLast: true`, while none says the contrary."""
    if flag_of_more(document):
        return None
    for path, name, value in _fields(document):
        if _MORE.fullmatch(word(name)) and (_is_false(value) or _whole(value) == 0):
            return path
        if _is_true(value) and _LAST.fullmatch(word(name)):
            return path
    return None


def declared_pages(document: Any) -> tuple[str, int, int] | None:
    """The path of the number of pages, that number, and the number of this page if the answer gives it, else 1."""
    fields = list(_fields(document))
    for path, name, value in fields:
        before = path.removesuffix(name)
        is_last = word(name) in ("max", "last") and word(before.rstrip(".").rpartition(".")[2]) in _PAGER
        if (is_last or _PAGES.fullmatch(word(name))) and _whole(value) is not None:
            current = next(
                (
                    _whole(v)
                    for p, n, v in fields
                    if p == before + n and _CURRENT.fullmatch(word(n)) and _whole(v) is not None
                ),
                1,
            )
            return path, _whole(value) or 0, 1 if current is None else current
    return None


def larger_total(page: Page) -> str | None:
    """Where an answer gives a number of rows that is larger than the page's."""
    for place, number in _totals(page):
        if number > len(page.rows):
            return place
    return None


def says_more(page: Page, asked: Mapping[str, Any]) -> str | None:
    """Where an answer says that there is more than it holds, or leaves it open; None if it does not.

    Args:
        page: The answer.
        asked: The parameters or the body of the request: an answer with as many rows as its limit may be cut off.
    """
    return _in_headers(page) or _in_body(page) or _full_page(page, asked)


def _in_headers(page: Page) -> str | None:
    if next_link(page.answer):
        return "its header Link"
    ranged = content_range(page.answer)
    if ranged and ranged[0] is not None and (ranged[1] is None or ranged[0] < ranged[1]):
        if ranged[1] is not None or page.answer.status == _PARTIAL:
            return "its header Content-Range"
    elif ranged is None and page.answer.status == _PARTIAL:
        return "its status 206"
    for name, value in page.answer.headers.items():
        kind = word(name)
        if _NEXT_HEADER.fullmatch(kind) and not is_end(value):
            return f"its header {name}"
        if _MORE.fullmatch(kind.removeprefix("x")) and _is_true(value):
            return f"its header {name}"
        if _PAGES_HEADER.fullmatch(kind) and (_whole(value) or 0) > 1:
            return f"its header {name}"
    return None


def _in_body(page: Page) -> str | None:
    documents = [_around(page), *_header_documents(page.answer)]
    if page.document is None or page.rows == [page.document]:
        documents = documents[1:]
    for document in documents:
        if flag := flag_of_more(document):
            return f"'{flag}'"
        if flag_of_end(document):
            continue
        for following in _marks(document):
            if not (following.weak and _is_complete(page)):
                return f"'{following.path}'"
        pages = declared_pages(document)
        if pages and pages[1] > max(pages[2], 1):
            return f"'{pages[0]}'"
    if isinstance(page.document, dict) and page.rows != [page.document]:
        for name, value in page.document.items():
            if word(name) in _TELLS and _TOLD.search(str(value)):
                return f"'{name}'"
    total = larger_total(page)
    return None if total is None or page.rows == [page.document] else f"'{total}'"


def _full_page(page: Page, asked: Mapping[str, Any]) -> str | None:
    """Where a limit is said that is just the number of rows, while nothing says that these are all."""
    documents = [_around(page), *_header_documents(page.answer)]
    if (
        not page.rows
        or page.rows == [page.document]
        or any(flag_of_end(one) for one in documents)
        or _is_complete(page)
    ):
        return None
    ended = any(null_next(one) or declared_pages(one) for one in documents)
    if ended:
        return None
    places = [(f"'{path}'", value) for path, name, value in _fields(_around(page)) if _LIMIT.fullmatch(word(name))]
    places += [
        (f"the parameter '{path}'", value) for path, name, value in _fields(dict(asked)) if _ASKED.fullmatch(word(name))
    ]
    found = next((place for place, value in places if _whole(value) == len(page.rows)), None)
    return f"{found}, which allows just as many rows as came" if found else None


def _is_complete(page: Page) -> bool:
    totals = [number for _, number in _totals(page)]
    return bool(totals) and max(totals) == len(page.rows)


def _totals(page: Page) -> Iterator[tuple[str, int]]:
    """Every number in an answer that may be the number of all rows, with its place."""
    ranged = content_range(page.answer)
    if ranged and ranged[1] is not None:
        yield "header Content-Range", ranged[1]
    for document in (_around(page), *_header_documents(page.answer)):
        for path, name, value in _fields(document):
            number = _whole(value.get("value") if isinstance(value, dict) else value)
            if isinstance(value, str) and word(name).endswith("range") and (found := _RANGE_OF.fullmatch(value)):
                yield path, int(found[1])
            if number is not None and TOTAL.fullmatch(word(name)):
                yield path, number
    for name, value in page.answer.headers.items():
        if _TOTAL_HEADER.fullmatch(word(name)) and _whole(value) is not None:
            yield f"header {name}", _whole(value) or 0


def _marks(document: Any) -> Iterator[Next]:
    for path, name, value in _fields(document):
        kind = word(name)
        weak = bool(_WEAK_NEXT.fullmatch(kind)) or (kind == "offset" and isinstance(value, str) and not value.isdigit())
        if isinstance(value, list):
            yield from _linked(path, value)
            if _NEXT.fullmatch(kind) and value and not any(isinstance(one, (dict, list)) for one in value):
                yield Next(path, value)
        elif weak or _NEXT.fullmatch(kind):
            place, mark = _href(path, value)
            if not is_end(mark) and not isinstance(mark, bool):
                yield Next(place, mark, weak and kind != "offset")


def _href(path: str, value: Any) -> tuple[str, Any]:
    """The address in an object like `next: {href: …}`, or the value itself."""
    if isinstance(value, dict):
        return next(((f"{path}.{name}", value[name]) for name in _HREF if name in value), (path, value))
    return path, value


def _linked(path: str, links: list[Any]) -> Iterator[Next]:
    """The next page in a list of links, as FHIR and Atom write them: `link: [{relation: next, url: …}]`."""
    for link in links:
        if not isinstance(link, dict):
            return
        for relation in _RELATIONS:
            if str(link.get(relation)).lower() == "next":
                for name in _HREF:
                    if link.get(name):
                        yield Next(f"{path}[?(@.{relation}=='{link[relation]}')].{name}", link[name])


def _around(page: Page) -> Any:
    """What an answer holds around its rows; of a list that holds the list of rows, the objects beside that one."""
    if isinstance(page.document, list) and any(one is page.rows for one in page.document):
        return {f"[{place}]": one for place, one in enumerate(page.document) if isinstance(one, dict)}
    return page.document


def _header_documents(answer: Answer) -> Iterator[Any]:
    """What headers hold as JSON: `X-Pagination: {"TotalCount": 100, "HasNext": true}`."""
    for name, value in answer.headers.items():
        if "paginat" in name.lower() and value.lstrip().startswith("{"):
            try:
                yield json.loads(value)
            except ValueError:
                continue


def _fields(document: Any, before: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, name and value of every field outside of lists."""
    for name, value in document.items() if isinstance(document, dict) else ():
        yield f"{before}{name}", name, value
        yield from _fields(value, f"{before}{name}.")


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "y"))


def _is_false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.lower() in ("false", "no", "n"))


def _whole(number: Any) -> int | None:
    if isinstance(number, bool) or not isinstance(number, (int, str)) or not str(number).isdigit():
        return None
    return int(number)
