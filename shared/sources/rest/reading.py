"""All pages of a load: of its one question, or of many that several readers share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError
from shared.models.job import Job
from shared.sources.reading import read_ahead
from shared.sources.rest.asks import Ask, asks
from shared.sources.rest.client import ApiClient
from shared.sources.rest.pace import LoadEndedError
from shared.sources.rest.page import Page, PageReader
from shared.sources.rest.pagination import all_pages

log = logging.getLogger(__name__)

_GONE = (404, 410)
_AT_ONCE = 1000  # questions that are handed to the readers together


def load_pages(reader: PageReader, filters: Mapping[str, str], watermark: Any) -> Iterator[Page]:
    """The pages of every question of a job, in any order.

    Args:
        reader: Fetches pages.
        filters: Parameters that make the server send newer rows only.
        watermark: Where an INCREMENTAL load starts; None if it starts nowhere.

    Raises:
        SourceError, TransientError: as `all_pages`, or none of the things that are asked about exists.
    """
    job = reader.job
    questions = asks(job, watermark, _parents(job, reader.client))
    if not job.api_windows and not job.api_for_each:
        for question in questions:
            yield from all_pages(reader, filters, question)
        return
    alone = PageReader(job.model_copy(update={"parallelism": 1}), reader.client, reader.rows_path, reader.fields)
    crew = _Crew(alone, filters)
    first = next(questions, None)  # finds out where the rows are, for all
    yield from crew.answer(first) if first else ()
    while batch := list(islice(questions, _AT_ONCE)):
        yield from read_ahead([partial(crew.answer_or_stop, one) for one in batch], job.parallelism)
    reader.rows_path, reader.fields = alone.rows_path, alone.fields
    crew.refuse_if_all_are_gone()


class _Crew:
    """Answers questions, and counts those that lead nowhere.

    Args:
        reader: Fetches pages.
        filters: As for `load_pages`.
    """

    def __init__(self, reader: PageReader, filters: Mapping[str, str]) -> None:
        self._reader = reader
        self._filters = filters
        self._answered = 0
        self._gone: list[str] = []

    def answer(self, question: Ask) -> Iterator[Page]:
        """The pages of one question; a parent that is gone by now has none."""
        empty = _GONE if self._reader.job.api_for_each else ()
        for page in all_pages(self._reader, self._filters, question, empty):
            if page.answer.is_empty and page.answer.status in _GONE and page.number == 0:
                self._gone.append(page.answer.place)
            yield replace(page, ask=question)
        self._answered += 1

    def answer_or_stop(self, question: Ask) -> Iterator[Page]:
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


def _parents(job: Job, client: ApiClient) -> Iterator[Any]:
    """The rows of the parent, which is asked for as its own job would be."""
    if job.api_parent is None:
        return iter(())
    reader = PageReader(job.api_parent, client.for_job(job.api_parent))
    return chain.from_iterable(page.rows for page in load_pages(reader, {}, None) if not page.beyond)
