"""A load's pages, all of them, before the first goes on: kept on disk, their columns' types known, no page twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.models.job import Job
from shared.sources.rest.asks import Ask
from shared.sources.rest.identity import Identity, rows_digest
from shared.sources.rest.page import Page
from shared.sources.rest.shapes import Shapes
from shared.sources.rest.spool import Run, Spool
from shared.sources.rest.tables import ROOT, Path, Unnesting
from shared.sources.rest.types import ColumnTypes

_PAGES = 10**12  # more than the rows of any question: pages are numbered by their offsets


class Gathering:
    """Takes in pages in any order and gives their tables in the pages' order.

    Args:
        job: How rows become tables.
        folder: Where the pages are kept; None for the system's temporary folder.
        shapes: The shapes of nested values that earlier loads have left.
        load: Names the load, so that the ids of its rows are no other load's.
    """

    def __init__(
        self, job: Job, folder: FilePath | None, shapes: Mapping[str, str] | None = None, load: str = ""
    ) -> None:
        self._job = job
        self.shapes = Shapes(shapes or {})
        self._unnesting = Unnesting(job, self.shapes, load)
        self._spool = Spool(folder, self._observe)
        self._answers: dict[int, _Answered] = {}
        self._types: dict[Path, ColumnTypes] = {}

    @property
    def types(self) -> Mapping[Path, ColumnTypes]:
        """The column types of each table that has come up."""
        self._spool.flush()
        return self._types

    def add(self, page: Page, masked: list[Any]) -> None:
        """Take in a page.

        Args:
            page: The page; of its rows only digests are made, and these are not kept on disk.
            masked: Its rows as they are kept and loaded.

        Raises:
            SourceError: it is one that came already.
        """
        rows = [row for row in page.rows if row is not None]
        answered = self._answers.setdefault(page.ask.number, _Answered(Identity(self._job)))
        if page.counted:
            answered.counted = page.answer.place
        if not page.staged:
            answered.place = page.answer.place
        if not rows:
            return
        number = page.ask.number * _PAGES + page.number
        if not page.staged:
            digest = rows_digest(rows)
            if page.beyond:
                answered.beyond.append((digest, _unexpected(page)))
                return
            answered.identity.add_page(digest, rows, number, page.call.label, page.answer.place)
        rows = [page.ask.row(row, self._job) for row in masked] if page.ask.fields else masked
        tables = self._tables(rows, number, page.answer.place)
        answered.identity.add_rows(tables[ROOT], number)
        self._spool.add(number, tables)
        if self._unnesting.has_nested:
            self._spool.keep_rows(number, rows)

    def finish(self, ask: Ask) -> None:
        """After the last page of a question: see that its pages fit together.

        Raises:
            SourceError: pages are counted from 0, and nothing said so.
            TransientError: new rows are behind the API's total, or a row came on two pages that were counted.
        """
        answered = self._answers.get(ask.number)
        if answered is None:
            return
        for digest, error in answered.beyond:
            if not answered.identity.is_known(digest):
                raise error
        if answered.counted:
            answered.identity.refuse_moved_pages(answered.counted)
        elif answered.place:
            answered.identity.refuse_overlap(answered.place)

    def read_of(self, rows: list[Any]) -> list[Any]:
        """Rows without the columns that the job leaves out."""
        return [self._unnesting.read_of(row) for row in rows]

    def settle(self) -> None:
        """After the last page: give every field one shape."""
        while self.shapes.is_outdated:
            self.shapes.settled()
            self._take_apart_again()

    def superseded(self) -> dict[int, list[int]]:
        """The places, by page, of rows whose key comes again later in the load: the later row counts."""
        whole = Identity(self._job)
        for answered in self._answers.values():
            whole.take_keys(answered.identity)
        return whole.superseded()

    def runs(self) -> Iterator[Run]:
        """All pages in their order, those that were kept together as one."""
        return self._spool.runs()

    def close(self) -> None:
        """Remove what is kept."""
        self._spool.close()

    def _take_apart_again(self) -> None:
        self._spool.flush()
        for number, rows in self._spool.rows():
            self._spool.add(number, self._tables(rows, number, f"Job '{self._job.job_id}'"))
        self._spool.flush()
        self._types.clear()
        for run in self._spool.runs():
            self._observe(run)

    def _observe(self, run: Run) -> None:
        for path, table in run.tables.items():
            self._types.setdefault(
                path, ColumnTypes(self._job.api_response_format, self._job.table_format == "parquet")
            ).observe(table, [(number, columns[path]) for number, columns in run.columns if path in columns])

    def _tables(self, rows: list[Any], number: int, place: str) -> dict[Path, pa.Table]:
        try:
            return self._unnesting.tables(rows, f"{number}")
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{place} has a text with half a character, {error.object[error.start : error.end]!a}, "
                "which no file can hold: its source must correct it, or excluded_columns leave the column out."
            ) from None


@dataclass
class _Answered:
    """What has come in answer to one question."""

    identity: Identity
    beyond: list[tuple[bytes, IngestionError]] = field(default_factory=list)
    counted: str | None = None
    place: str | None = None


def _unexpected(page: Page) -> IngestionError:
    """The error for rows before the first page, or behind the last, that no other page has."""
    if page.number < 0:
        return SourceError(
            f"{page.answer.place} has rows that no other page has: the API counts its pages from 0. Say so in "
            "api_params, "
            "such as page=0, or page=1 if those rows are not wanted."
        )
    return TransientError(
        f"{page.answer.place} has rows, but is beyond the number of rows that the API declares: it "
        "changed while it was read, or its total is too small. If so always, leave api_total_path blank."
    )
