"""One page of an API's rows, and how it is asked for."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError
from shared.models.job import Job
from shared.sources.rest.answer import Answer
from shared.sources.rest.asks import ALONE, Ask
from shared.sources.rest.client import ApiClient, Call
from shared.sources.rest.content_range import content_range
from shared.sources.rest.faults import TryAgainError
from shared.sources.rest.parsing import parse
from shared.sources.rest.paths import set_value, value_at
from shared.sources.rest.rows import find_rows_path, rows_at
from shared.sources.rest.templates import filled, names_in
from shared.sources.rest.verdict import refuse_doubtful_nothing, refuse_error_rows, refuse_failures

_EXACT = ("decimal", "text", "json")
_LOOKED_AT = 100  # rows of a page
HEADER = "header:"
"""How the name of a parameter begins that is a header, and a path that is one."""


@dataclass(frozen=True)
class Page:
    """Rows as they came.

    `number` puts pages into their order in any order of arrival; `total` is the number of all rows that the API
    declares; `beyond` says that the page lies behind that number, where none should be; `counted` that it was asked for
    by its offset or number, so that it moves when rows come and go. `ask` is the question that it is part of the
    answer to; `staged` that an earlier attempt has read it.
    """

    number: int
    call: Call
    answer: Answer
    document: Any = field(repr=False)
    rows: list[Any] = field(repr=False)
    total: int | None = None
    beyond: bool = False
    counted: bool = False
    ask: Ask = ALONE
    staged: bool = False


class PageReader:
    """Asks for pages and takes the rows out of the answers; several threads may use it after the first page.

    Args:
        job: Where the rows and their total are in an answer.
        client: Sends the requests.
        rows_path: Where an earlier load has found the rows, if the job does not name the path: the answer's shape must
            not decide again, or an error would become a row.
        fields: The fields of a row, if earlier answers had lists of them.
    """

    def __init__(self, job: Job, client: ApiClient, rows_path: str | None = None, fields: Collection[str] = ()) -> None:
        self.job = job
        self.client = client
        self.rows_path = job.api_data_path or rows_path
        self.fields = frozenset(fields)
        self._exact = any(text.startswith(_EXACT) for text in job.column_types.values())

    def call(self, filters: Mapping[str, str], ask: Ask) -> Call:
        """The request without what pagination adds; `filters` makes the server send newer rows only."""
        job = self.job
        own_headers = {
            name: text for name, text in job.api_headers.items() if names_in(text)
        }  # the session has the rest
        call = Call(
            url=self.client.url(filled(str(job.api_endpoint), ask.values, job, in_path=True)),
            label=f"{ask.label}page 1",
            method=job.api_method,
            params=filled(job.api_params, ask.values, job),
            body=filled(job.api_body, ask.values, job) if job.api_method == "POST" else None,
            headers=filled(own_headers, ask.values, job),
        )
        return with_values(call, filters)

    def fetch(self, call: Call, number: int, empty: Collection[int] = ()) -> Page:
        """One page; `empty` as for `ApiClient.fetch`.

        Raises:
            SourceError, TransientError: as `ApiClient.fetch` and `parse`, or the rows are not where they should be.
        """
        found: list[Page] = []

        def judge(answer: Answer) -> None:
            found[:] = [self._page(answer, call, number)]

        answer = self.client.fetch(call, empty, judge)
        return Page(number, call, answer, None, []) if answer.says_nothing else found[0]

    def peek(self, call: Call) -> Page | None:
        """A page that may not exist; None if the server refuses it or cannot give it, which is tried once only."""
        answer = self.client.peek(call)
        if answer is None:
            return None
        try:
            return self._page(answer, call, -1)
        except (IngestionError, TryAgainError):
            return None

    def _page(self, answer: Answer, call: Call, number: int) -> Page:
        """An answer as a page, if it is one. Raises as `fetch`, and TryAgainError."""
        if answer.says_nothing:
            return Page(number, call, answer, None, [])
        job = self.job
        document = parse(answer, job.api_response_format, job.api_format_options, self._exact)
        refuse_failures(job, answer, document)
        if document is None and not self.rows_path:
            raise SourceError(f"{answer.place} answered null, which is not taken for an empty table.")
        if self.rows_path is None:
            many = job.pagination_type not in ("none", "auto")
            self.rows_path = find_rows_path(answer, document, str(job.api_endpoint), many)
        rows = rows_at(answer, document, self.rows_path)
        refuse_error_rows(job, answer, document, rows)
        if not rows:
            refuse_doubtful_nothing(job, answer, document)
        self._refuse_nameless(answer, rows)
        self._refuse_other_object(answer, document, rows)
        return Page(number, call, answer, document, rows, self._total(answer, document))

    def _refuse_nameless(self, answer: Answer, rows: list[Any]) -> None:
        """Raises SourceError for rows that are lists: their values have no names."""
        if self.job.api_nested == "tables" and any(isinstance(row, list) for row in rows[:_LOOKED_AT]):
            raise SourceError(
                f"{answer.place} gave rows that are lists without names of columns: ask the API for objects, or set "
                "api_nested to json, which keeps each list as it is."
            )

    def _refuse_other_object(self, answer: Answer, document: Any, rows: list[Any]) -> None:
        """Raises SourceError if one object is where lists of rows came before, and shares no field with those.

        XML that was turned into JSON has an object instead of a list of one.
        """
        first = rows[0] if rows else None
        if not isinstance(first, dict):
            return
        is_single = len(rows) == 1 and first is value_at(document, str(self.rows_path))
        if is_single and self.fields and self.fields.isdisjoint(first):
            raise SourceError(
                f"{answer.place} gave one object where rows came before, and it has none of their fields. It begins "
                "with: "
                f"{answer.excerpt()}. If the API has changed, request a full refresh of the job."
            )
        if not is_single and not self.fields:
            self.fields = frozenset(first)

    def _total(self, answer: Answer, document: Any) -> int | None:
        path = self.job.api_total_path
        if not path:
            return None
        if path.lower() == "content-range":
            ranged = content_range(answer)
            return ranged[1] if ranged else None
        found = answer_value(answer, document, path)
        try:
            return int(str(found))
        except ValueError:
            raise SourceError(
                f"{answer.place} has no number of rows at api_total_path '{path}' but '{answer.shown(str(found), 60)}'."
            ) from None


def with_values(call: Call, values: Mapping[str, Any], label: str | None = None) -> Call:
    """A request with further values: in a header, in the address, or in the body of a POST, where a name may be a path.

    Raises:
        ConfigurationError: as `set_value`.
    """
    headers = {name.removeprefix(HEADER): _text(v) for name, v in values.items() if name.startswith(HEADER)}
    others = {name: value for name, value in values.items() if not name.startswith(HEADER)}
    call = replace(call, label=label or call.label, headers={**call.headers, **headers})
    if call.body is None:
        return replace(call, params={**call.params, **{name: _text(value) for name, value in others.items()}})
    body = copy.deepcopy(dict(call.body))
    for name, value in others.items():
        set_value(body, name, value)
    return replace(call, body=body)


def answer_value(answer: Answer, document: Any, path: str) -> Any:
    """What an answer holds at a path of its body, or in a header of that name; None if neither is there."""
    if path.startswith(HEADER):
        return answer.headers.get(path.removeprefix(HEADER))
    found = value_at(document, path)
    return answer.headers.get(path) if found is None else found  # X-Total-Count and the like


def with_page_size(call: Call, job: Job) -> Call:
    """A request that asks for pages of `api_page_size`, where the job names it."""
    return with_values(call, {job.api_limit_param or "limit": job.api_page_size}) if job.api_page_size else call


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)
