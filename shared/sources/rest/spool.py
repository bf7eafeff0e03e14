"""The pages of a load on disk, until all of them are known: Arrow streams in one nameless temporary file."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import pyarrow as pa

from shared.sources.rest.tables import Path

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Keeps pages and gives them back in their order.

    Args:
        folder: Where the file is; None for the system's temporary folder.
    """

    def __init__(self, folder: FilePath | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        self._pages: dict[int, list[tuple[Path, int, int]]] = {}
        self._rows: list[tuple[int, int]] = []

    def add(self, number: int, tables: Mapping[Path, pa.Table]) -> None:
        """Keep the tables of a page."""
        places = []
        for path, table in tables.items():
            sink = pa.BufferOutputStream()  # a file of Python's would be called for each part of the stream
            with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as stream:
                stream.write_table(table)
            content = sink.getvalue()
            places.append((path, self._file.tell(), content.size))
            self._file.write(content)
        self._pages[number] = places

    def keep_rows(self, number: int, rows: list[Any]) -> None:
        """Keep the rows of a page as they came, should they have to be taken apart again."""
        self._rows.append((number, self._file.tell()))
        pickle.dump(rows, self._file, protocol=5)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that were kept, with the numbers of their pages."""
        for number, place in self._rows:
            self._file.seek(place)
            yield number, pickle.load(self._file)  # noqa: S301 - this process wrote the file, which has no name

    def replace(self, number: int, tables: Mapping[Path, pa.Table]) -> None:
        """Keep other tables for a page that was taken in already."""
        self._file.seek(0, 2)
        self.add(number, tables)

    def pages(self) -> Iterator[tuple[int, dict[Path, pa.Table]]]:
        """The numbers and tables of all pages, in the order of the numbers."""
        self._file.flush()
        for number, places in sorted(self._pages.items()):
            yield number, {path: self._read(place, size) for path, place, size in places}

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _read(self, place: int, size: int) -> pa.Table:
        self._file.seek(place)
        with pa.ipc.open_stream(self._file.read(size)) as stream:
            return stream.read_all()
