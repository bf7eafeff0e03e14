"""One page of an API's rows, and how it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dlt.common import jsonpath

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources.rest.answer import Answer, find_rows_path, parse, rows_at, value_at
from shared.sources.rest.client import ApiClient, Call

_EXACT = ("decimal", "text", "json")


@dataclass(frozen=True)
class Page:
    """Rows as they came.

    `number` puts pages into their order whatever order they come in; `total` is the number of all rows that the API
    declares; `beyond` says that the page lies behind that number, where none should be.
    """

    number: int
    call: Call
    answer: Answer
    document: Any = field(repr=False)
    rows: list[Any] = field(repr=False)
    total: int | None = None
    beyond: bool = False


class PageReader:
    """Asks for pages and takes the rows out of the answers; several threads may use it after the first page.

    Args:
        job: Where the rows and their total stand in an answer.
        client: Sends the requests.
    """

    def __init__(self, job: Job, client: ApiClient) -> None:
        self.job = job
        self.client = client
        self._rows_path = job.api_data_path
        self._exact = any(text.startswith(_EXACT) for text in job.column_types.values())

    def call(self, filters: Mapping[str, str]) -> Call:
        """The request without what pagination adds; `filters` makes the server send newer rows only."""
        job = self.job
        call = Call(
            url=self.client.url(str(job.api_endpoint)),
            label="page 1",
            method=job.api_method,
            params=job.api_params,
            body=job.api_body if job.api_method == "POST" else None,
        )
        return with_values(call, filters)

    def fetch(self, call: Call, number: int, empty: Collection[int] = ()) -> Page:
        """One page; `empty` as for `ApiClient.fetch`.

        Raises:
            SourceError, TransientError: as `ApiClient.fetch` and `parse`, or the rows are not where they should be.
        """
        answer = self.client.fetch(call, empty)
        document = parse(answer, self.job.api_response_format, self._exact)
        if document is None:
            return Page(number, call, answer, None, [])
        if self._rows_path is None:
            self._rows_path = find_rows_path(answer, document, many=self.job.pagination_type not in ("none", "auto"))
        rows = rows_at(answer, document, self._rows_path)
        return Page(number, call, answer, document, rows, self._total(answer, document))

    def _total(self, answer: Answer, document: Any) -> int | None:
        path = self.job.api_total_path
        if not path:
            return None
        found = value_at(document, path)
        found = answer.headers.get(path) if found is None else found  # X-Total-Count and the like
        try:
            return int(str(found))
        except ValueError:
            raise SourceError(
                f"{answer.place} has no number of rows at api_total_path '{path}' but '{answer.shown(str(found), 60)}'."
            ) from None


def with_values(call: Call, values: Mapping[str, Any], label: str | None = None) -> Call:
    """A request with further values: in the address, or in the body of a POST, where a name may be a path."""
    label = label or call.label
    if call.body is None:
        return replace(call, label=label, params={**call.params, **{name: str(v) for name, v in values.items()}})
    body = copy.deepcopy(dict(call.body))
    for name, value in values.items():
        jsonpath.set_value_at_path(body, name, value)
    return replace(call, label=label, body=body)


def with_page_size(call: Call, job: Job) -> Call:
    """A request that asks for pages of `api_page_size`, where the job names it."""
    return with_values(call, {job.api_limit_param or "limit": job.api_page_size}) if job.api_page_size else call
