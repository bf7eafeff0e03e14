"""All pages of a load: of its one question, or of many that several readers share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError
from shared.models.job import Job
from shared.sources.reading import read_ahead
from shared.sources.rest.asks import Ask, asks
from shared.sources.rest.client import ApiClient, Call
from shared.sources.rest.export import Export
from shared.sources.rest.pace import LoadEndedError
from shared.sources.rest.page import Page, PageReader
from shared.sources.rest.pagination import all_pages
from shared.sources.rest.staging import Staging

log = logging.getLogger(__name__)

_GONE = (404, 410)
_PAGES = 10**9  # of one file of an export
_AT_ONCE = 1000  # questions that are handed to the readers together


@dataclass(frozen=True)
class Answered:
    """What follows the last page of a question.

    `call` is its first request; `rows_path` and `fields` are what the reader knows of the rows by then; `is_gone` says
    that the server does not know what was asked about.
    """

    ask: Ask
    call: Call
    rows_path: str | None
    fields: frozenset[str]
    is_gone: bool = False


def load_pages(
    reader: PageReader, filters: Mapping[str, str], watermark: Any, staging: Staging
) -> Iterator[tuple[Call, Page] | Answered]:
    """The pages of every question of a job, in any order, each with its question's first request.

    Args:
        reader: Fetches pages.
        filters: Parameters that make the server send newer rows only.
        watermark: Where an INCREMENTAL load starts; None if it starts nowhere.
        staging: What earlier attempts have read.

    Raises:
        SourceError, TransientError: as `all_pages`, or none of the things that are asked about exists.
    """
    job = reader.job
    questions = asks(job, watermark, _parents(job, reader.client, staging), staging.began)
    if not (job.api_windows or job.api_for_each):
        yield from _Crew(reader, filters, staging).answer(next(questions))
        return
    alone = PageReader(
        job.model_copy(update={"parallelism": 1}),
        reader.client,
        staging.rows_path or reader.rows_path,
        staging.fields or reader.fields,
    )
    crew = _Crew(alone, filters, staging)
    first = next(questions, None)  # finds out where the rows are, for all
    yield from crew.answer(first) if first else ()
    while batch := list(islice(questions, _AT_ONCE)):
        yield from read_ahead([partial(crew.answer_or_stop, one) for one in batch], job.parallelism)
    reader.rows_path, reader.fields = alone.rows_path, alone.fields
    crew.refuse_if_all_are_gone()


def keeps_answers(job: Job) -> bool:
    """Whether a later attempt can take up what an earlier one has got: whole questions, or an export."""
    return bool(job.api_windows or job.api_for_each or job.api_export)


class _Crew:
    """Answers questions, and counts those that lead nowhere.

    Args:
        reader: Fetches pages.
        filters, staging: As for `load_pages`.
    """

    def __init__(self, reader: PageReader, filters: Mapping[str, str], staging: Staging) -> None:
        self._reader = reader
        self._filters = filters
        self._staging = staging
        self._answered = 0
        self._gone: list[str] = []

    def answer(self, question: Ask) -> Iterator[tuple[Call, Page] | Answered]:
        """The pages of one question; a parent that is gone by now has none."""
        base, is_gone = self._reader.call(self._filters, question), False
        if self._staging.holds(base):
            yield from ((base, page) for page in self._staging.pages(base, question))
        else:
            for page in self._pages(base):
                if page.answer.is_empty and page.answer.status in _GONE and page.number == 0:
                    self._gone.append(page.answer.place)
                    is_gone = True
                yield base, replace(page, ask=question)
        self._answered += 1
        yield Answered(question, base, self._reader.rows_path, self._reader.fields, is_gone)

    def _pages(self, base: Call) -> Iterator[Page]:
        """The pages that a request leads to: its own, or those of the files of the export that it orders."""
        if not self._reader.job.api_export:
            yield from all_pages(self._reader, base, _GONE if self._reader.job.api_for_each else ())
            return
        for number, file in enumerate(Export(self._reader, self._staging).files(base)):
            for page in all_pages(self._reader, file):
                yield replace(page, number=page.number + number * _PAGES)

    def answer_or_stop(self, question: Ask) -> Iterator[tuple[Call, Page] | Answered]:
        """As `answer`; a failure ends the requests of the other readers."""
        try:
            yield from self.answer(question)
        except LoadEndedError:
            return  # another reader failed, and its error is the one to report
        except IngestionError:
            self._reader.client.stop()
            raise

    def refuse_if_all_are_gone(self) -> None:
        """Raises SourceError if the server knows none of the things that were asked about: the path is wrong."""
        if self._gone and len(self._gone) == self._answered:
            raise SourceError(
                f"{self._gone[0]} was refused with status 404, and so were all others; check api_endpoint."
            )
        if self._gone:
            log.warning("%s does not exist, nor do %s others; they have no rows.", self._gone[0], len(self._gone) - 1)


def _parents(job: Job, client: ApiClient, staging: Staging) -> Iterator[Any]:
    """The rows of the parent, which is asked for as its own job would be."""
    if job.api_parent is None:
        return
    parent = job.api_parent
    alone = Staging(parent)
    alone.began = staging.began
    for one in load_pages(PageReader(parent, client.for_job(parent)), {}, None, alone):
        if not isinstance(one, Answered) and not one[1].beyond:
            yield from one[1].rows
