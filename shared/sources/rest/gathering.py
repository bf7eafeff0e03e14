"""A load's pages, all of them, before the first goes on: kept on disk, their columns' types known, no page twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import pyarrow as pa

from shared.errors.hierarchy import SourceError, TransientError
from shared.models.job import Job
from shared.sources.rest.page import Page
from shared.sources.rest.spool import Spool, page_digest
from shared.sources.rest.tables import Path, Unnesting
from shared.sources.rest.types import ColumnTypes


class Gathering:
    """Takes in pages in any order and gives their tables in the pages' order.

    Args:
        job: How rows become tables.
        folder: Where the pages are kept; None for the system's temporary folder.
    """

    def __init__(self, job: Job, folder: FilePath | None) -> None:
        self._job = job
        self._unnesting = Unnesting(job)
        self._spool = Spool(folder)
        self._known: dict[bytes, str] = {}  # digests and labels only: a page itself would be kept with its answer
        self._beyond: list[tuple[bytes, str]] = []
        self.types: dict[Path, ColumnTypes] = {}
        """The column types of each table that has come up."""

    def add(self, page: Page) -> None:
        """Take in a page.

        Raises:
            SourceError: it is one that came already.
        """
        if not page.rows:
            return
        tables = self._tables(page)
        digest = page_digest(tables)
        if page.beyond:
            self._beyond.append((digest, page.answer.place))
            return
        if digest in self._known:
            raise SourceError(
                f"{page.answer.place} is the same as {self._known[digest]}: the API does not turn the page. "
                "Check pagination_type and the names of its parameters, or give api_total_path."
            )
        self._known[digest] = page.call.label
        for path, table in tables.items():
            self.types.setdefault(path, ColumnTypes(self._job.api_response_format)).observe(table, page.number)
        self._spool.add(page.number, tables)

    def _tables(self, page: Page) -> dict[Path, pa.Table]:
        try:
            return self._unnesting.tables(page.rows, f"{page.number}")
        except UnicodeEncodeError as error:
            raise SourceError(
                f"{page.answer.place} has a text with half a character, {error.object[error.start : error.end]!a}, "
                "which no file can hold: its source must mend it, or excluded_columns leave the column out."
            ) from None

    def check(self) -> None:
        """After the last page: see that nothing new stands behind the API's total; some repeat their last page there.

        Raises:
            TransientError: something does.
        """
        for digest, place in self._beyond:
            if digest not in self._known:
                raise TransientError(
                    f"{place} has rows, but lies behind the number of all rows that the API declares: it "
                    "changed while it was read, or its total is too small. If so always, leave api_total_path blank."
                )

    def pages(self) -> Iterator[dict[Path, pa.Table]]:
        """The tables of each page."""
        return self._spool.pages()

    def close(self) -> None:
        """Remove what is kept."""
        self._spool.close()
