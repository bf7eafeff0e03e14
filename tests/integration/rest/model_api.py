"""A model of an API: rows in pages of some size, an end, faults on the way, and rows that come or go meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.api_server import Reply, Request

PASSING = ("429", "500", "reset", "cut", "throttled", "202")
"""Faults that pass when the same request is sent again."""
ENDING = ("error", "torn", "html", "empty", "403")
"""Faults that end a load."""
COUNTED = ("offset", "page")
STYLES = (*COUNTED, "cursor", "next_url", "link_header", "auto_url", "auto_cursor")


@dataclass(frozen=True)
class Walk:
    """What happens in one load.

    `faults` are by the number of the request. `change` is what happens to the rows after some request: rows that are
    deleted or inserted at a place of the order in which the API gives them.
    """

    rows: int
    style: str
    cap: int
    asked: int | None
    total: bool
    end: str
    parallelism: int
    faults: dict[int, str]
    change: tuple[int, str, int] | None

    @property
    def cells(self) -> dict[str, Any]:
        """The job's cells for this API."""
        style = self.style.partition("_")[0] if self.style.startswith("auto") else self.style
        cells: dict[str, Any] = {"pagination_type": style, "parallelism": self.parallelism, "api_data_path": "rows"}
        if self.asked:
            cells["api_page_size"] = self.asked
        if self.style == "cursor":
            cells |= {"api_cursor_path": "after", "api_cursor_param": "after"}
        if self.style == "next_url":
            cells["api_cursor_path"] = "next_url"
        if self.total:
            cells["api_total_path"] = "meta.total"
        return cells


@st.composite
def sequences(draw: st.DrawFn) -> Walk:
    """Any sequence whose outcome can be known (see docs/rest.md for what cannot)."""
    style = draw(st.sampled_from(STYLES))
    rows, parallelism = draw(st.integers(0, 40)), draw(st.sampled_from((1, 1, 3)))
    total = draw(st.booleans())
    faults = draw(st.dictionaries(st.integers(1, 12), st.sampled_from(PASSING), max_size=3))
    faults |= (
        draw(st.dictionaries(st.integers(1, 12), st.sampled_from(ENDING), max_size=1)) if draw(st.booleans()) else {}
    )
    change = None
    can_be_known = style not in COUNTED or total or parallelism == 1
    if rows and can_be_known and draw(st.booleans()):
        kinds = ["insert"] if style in COUNTED and not total else ["insert", "delete"]
        change = (draw(st.integers(1, 8)), draw(st.sampled_from(kinds)), draw(st.integers(0, rows - 1)))
    return Walk(
        rows=rows,
        style=style,
        cap=draw(st.integers(1, 15)),
        asked=draw(st.one_of(st.none(), st.integers(1, 15))),
        total=total,
        end=draw(st.sampled_from(("absent", "null", "empty", "flag"))),
        parallelism=parallelism,
        faults=faults,
        change=change,
    )


@dataclass
class ModelApi:
    """The server's side of a sequence.

    Attributes:
        plan: What happens.
        live: The rows as they are now, in the order in which they are given.
        ever: Every row that there ever was.
        gone: Rows that were deleted.
    """

    plan: Walk
    live: list[dict[str, Any]] = field(init=False)
    ever: set[int] = field(init=False)
    gone: set[int] = field(default_factory=set)
    asked: int = 0

    def __post_init__(self) -> None:
        self.live = [{"id": 2 * n, "name": f"thing {n}"} for n in range(1, self.plan.rows + 1)]
        self.ever = {row["id"] for row in self.live}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            self.asked += 1
            fault = self.plan.faults.get(self.asked)
            reply = _faulty(fault, self._answer(request)) if fault else self._answer(request)
            if self.plan.change and self.plan.change[0] == self.asked:
                self._change(*self.plan.change[1:])
            return reply

    def _change(self, kind: str, place: int) -> None:
        place = min(place, len(self.live) - 1)
        if kind == "delete":
            self.gone.add(self.live.pop(place)["id"])
        else:
            new = self.live[place]["id"] - 1
            self.live.insert(place, {"id": new, "name": "new"})
            self.ever.add(new)

    def _answer(self, request: Request) -> Reply:
        size = min(self.plan.cap, request.number("limit", self.plan.cap))
        style = self.plan.style
        meta = {"total": len(self.live)} if self.plan.total else {}
        if style == "offset":
            start = request.number("offset", 0)
            return Reply({"rows": self.live[start : start + size], "meta": meta})
        if style == "page":
            start = (request.number("page", 1) - 1) * self.plan.cap
            return Reply({"rows": self.live[start : start + self.plan.cap] if start >= 0 else [], "meta": meta})
        after = request.number("after", request.number("cursor", 0))
        newer = [row for row in self.live if row["id"] > after]
        page, more = newer[:size], len(newer) > size
        return self._linked(request, page, more, meta)

    def _linked(self, request: Request, page: Sequence[dict[str, Any]], more: bool, meta: dict[str, Any]) -> Reply:
        style, end = self.plan.style.removeprefix("auto_"), self.plan.end
        last = page[-1]["id"] if page else 0
        query = "&".join(f"{name}={value}" for name, value in request.params.items() if name not in ("after", "cursor"))
        url = f"{request.path}?{query}&after={last}"
        if style == "link_header":
            headers = {"Link": f'<{url}>; rel="next"'} if more else {}
            return Reply({"rows": page, "meta": meta}, headers=headers)
        name, mark = ("next_url", url) if style in ("next_url", "url") else ("after", last)
        name = "next_cursor" if style == "cursor" and self.plan.style.startswith("auto") else name
        document: dict[str, Any] = {"rows": page, "meta": meta}
        if more:
            return Reply(document | {name: mark, "has_more": True})
        ends: dict[str, dict[str, Any]] = {
            "absent": {},
            "null": {name: None},
            "empty": {name: ""},
            "flag": {name: mark, "has_more": False},
        }
        return Reply(document | ends[end])


def _faulty(fault: str, good: Reply) -> Reply:
    return {
        "429": lambda: Reply({}, 429),
        "500": lambda: Reply({}, 500),
        "reset": lambda: Reply(reset=True),
        "cut": lambda: Reply(good.body, cut=True),
        "throttled": lambda: Reply({"rows": [], "error": "rate limit exceeded"}),
        "202": lambda: Reply({}, 202),
        "error": lambda: Reply({"rows": good.body["rows"], "error": {"message": "index is corrupt"}}),
        "torn": lambda: Reply(b'{"rows": [{"id": 2, "na'),
        "html": lambda: Reply(b"<html>Sign in</html>"),
        "empty": lambda: Reply(b""),
        "403": lambda: Reply({}, 403),
    }[fault]()
