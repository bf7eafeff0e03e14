"""The pages of a load on disk, until all of them are known: Arrow streams in one nameless temporary file.

Pages are small, and most of what is done with a table costs as much for a hundred rows as for ten thousand. So pages
that came one after the other are written as one table, and given back so, as far as they follow each other.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path as FilePath
from typing import Any, TypeAlias

import pyarrow as pa

from shared.sources.rest.tables import ROOT, Path

Tables: TypeAlias = "Mapping[Path, pa.Table]"

_WRITING = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)  # too little for threads
_READING = pa.ipc.IpcReadOptions(use_threads=False)
_BYTES, _PAGES = 1 << 20, 1000  # of pages that are written together
_HELD = 4  # groups


@dataclass(frozen=True)
class Run:
    """Pages that follow each other, as one table for each path.

    `rows` has the number and the rows of each page, `columns` the columns that each of them had, by path: in the table
    a column of any of them is null in the others.
    """

    tables: dict[Path, pa.Table]
    rows: list[tuple[int, int]]
    columns: list[tuple[int, Mapping[Path, list[str]]]]

    def places(self, within: Mapping[int, Sequence[int]]) -> list[int]:
        """Places within pages, by their numbers, as places within the run."""
        starts = accumulate((rows for _, rows in self.rows), initial=0)
        pages = zip(self.rows, starts, strict=False)
        return [start + place for (number, _), start in pages for place in within.get(number, ())]


@dataclass(frozen=True)
class _Group:
    """Pages that were written together: where their tables are, and of each table where the pages begin in it."""

    places: dict[Path, tuple[int, int]]
    starts: dict[Path, list[int]]
    columns: list[Mapping[Path, list[str]]]


class Spool:
    """Keeps pages and gives them back in their order.

    Args:
        folder: Where the file is; None for the system's temporary folder.
        written: Is called with pages that were written together.
    """

    def __init__(self, folder: FilePath | None, written: Callable[[Run], None] = lambda _: None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        self._written = written
        self._waiting: list[tuple[int, Tables]] = []
        self._schemas: dict[Path, pa.Schema] = {}
        self._size = 0
        self._groups: list[_Group] = []
        self._pages: dict[int, tuple[int, int]] = {}
        self._rows: list[tuple[int, int]] = []
        self._columns: Mapping[Path, list[str]] = {}
        self._held: dict[int, dict[Path, pa.Table]] = {}

    def add(self, number: int, tables: Tables) -> None:
        """Keep the tables of a page, in the place of those that it had."""
        size = _size(tables)
        if size >= _BYTES or not self._takes(tables):
            self.flush()  # a large page is on its own: it is not copied
            self._takes(tables)
        self._waiting.append((number, tables))
        self._size += size
        if self._size >= _BYTES or len(self._waiting) >= _PAGES:
            self.flush()

    def flush(self) -> None:
        """Write the pages that wait for others."""
        pages = sorted(self._waiting, key=lambda page: page[0])
        self._waiting, self._schemas, self._size = [], {}, 0
        if not pages:
            return
        group = _Group({}, {}, [self._columns_of(tables) for _, tables in pages])
        numbers = [number for number, _ in pages]
        run = Run(
            {},
            [(number, tables[ROOT].num_rows) for number, tables in pages],
            list(zip(numbers, group.columns, strict=True)),
        )
        for path in dict.fromkeys(path for _, tables in pages for path in tables):
            parts = [tables[path] for _, tables in pages if path in tables]
            run.tables[path] = table = _joined(parts)
            counts = [tables[path].num_rows if path in tables else 0 for _, tables in pages]
            group.starts[path] = list(accumulate(counts, initial=0))
            group.places[path] = self._write(table)
        self._pages.update({number: (len(self._groups), index) for index, number in enumerate(numbers)})
        self._groups.append(group)
        self._written(run)

    def keep_rows(self, number: int, rows: list[Any]) -> None:
        """Keep the rows of a page as they came, should they have to be taken apart again."""
        self._rows.append((number, self._file.seek(0, 2)))
        pickle.dump(rows, self._file, protocol=5)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that were kept, with the numbers of their pages."""
        for number, place in self._rows:
            self._file.seek(place)
            yield number, pickle.load(self._file)  # noqa: S301 - this process wrote the file, which has no name

    def runs(self) -> Iterator[Run]:
        """All pages, in the order of their numbers."""
        self.flush()
        run: list[int] = []
        for number in sorted(self._pages):
            if run and self._pages[number] != (self._pages[run[-1]][0], self._pages[run[-1]][1] + 1):
                yield self._run(run)
                run = []
            run.append(number)
        if run:
            yield self._run(run)

    def close(self) -> None:
        """Remove the file."""
        self._held.clear()
        self._file.close()

    def _takes(self, tables: Tables) -> bool:
        """Whether a page's columns have the types of those that wait; null is of any type."""
        unified = dict(self._schemas)
        for path, table in tables.items():
            known = unified.get(path)
            if known is not None and not known.equals(table.schema):
                try:
                    unified[path] = pa.unify_schemas([known, table.schema])
                except pa.ArrowTypeError:
                    return False
            elif known is None:
                unified[path] = table.schema
        self._schemas = unified
        return True

    def _columns_of(self, tables: Tables) -> Mapping[Path, list[str]]:
        """The names of a page's columns; of pages with the same names, which is most, one and the same object."""
        found = {path: table.column_names for path, table in tables.items()}
        if found != self._columns:
            self._columns = found
        return self._columns

    def _run(self, numbers: Sequence[int]) -> Run:
        """Pages that follow each other in one group."""
        place, first = self._pages[numbers[0]]
        end = first + len(numbers)
        group, tables = self._groups[place], self._read(place)
        starts = group.starts
        return Run(
            {
                path: table.slice(starts[path][first], starts[path][end] - starts[path][first])
                for path, table in tables.items()
                if any(path in columns for columns in group.columns[first:end])
            },
            [(number, starts[ROOT][n + 1] - starts[ROOT][n]) for n, number in enumerate(numbers, first)],
            list(zip(numbers, group.columns[first:end], strict=True)),
        )

    def _write(self, table: pa.Table) -> tuple[int, int]:
        sink = pa.BufferOutputStream()  # a file of Python's would be called for each part of the stream
        with pa.ipc.new_stream(sink, table.schema, options=_WRITING) as stream:
            stream.write_table(table)
        content = sink.getvalue()
        place = self._file.seek(0, 2)
        self._file.write(content)
        return place, content.size

    def _read(self, group: int) -> dict[Path, pa.Table]:
        """The tables of a group; the last small ones are held, since pages of several readers come nearly in order."""
        if group in self._held:
            return self._held[group]
        found = self._tables(group)
        if _size(found) < 2 * _BYTES:
            if len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            self._held[group] = found
        return found

    def _tables(self, group: int) -> dict[Path, pa.Table]:
        found = {}
        for path, (place, size) in self._groups[group].places.items():
            self._file.seek(place)
            with pa.ipc.open_stream(self._file.read(size), options=_READING) as stream:
                found[path] = stream.read_all()
        return found


def _size(tables: Tables) -> int:
    return sum(table.nbytes for table in tables.values())


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Tables of pages as one; a column that one of them does not have is null in it."""
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts, promote_options="default").combine_chunks()
