"""The pages of a load on disk, until all of them are known: Arrow streams in one nameless temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path as FilePath

import pyarrow as pa

from shared.sources.rest.tables import LINKS, Path

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Keeps pages and gives them back in their order.

    Args:
        folder: Where the file is; None for the system's temporary folder.
    """

    def __init__(self, folder: FilePath | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        self._pages: list[tuple[int, list[tuple[Path, int]]]] = []

    def add(self, number: int, tables: Mapping[Path, pa.Table]) -> None:
        """Keep the tables of a page."""
        places = []
        for path, table in tables.items():
            places.append((path, self._file.tell()))
            with pa.ipc.new_stream(self._file, table.schema, options=_OPTIONS) as stream:
                stream.write_table(table)
        self._pages.append((number, places))

    def pages(self) -> Iterator[dict[Path, pa.Table]]:
        """The pages by their numbers."""
        self._file.flush()
        for _, places in sorted(self._pages, key=lambda page: page[0]):
            yield {path: self._read(place) for path, place in places}

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _read(self, place: int) -> pa.Table:
        self._file.seek(place)
        with pa.ipc.open_stream(self._file) as stream:
            return stream.read_all()


def page_digest(tables: Mapping[Path, pa.Table]) -> bytes:
    """A digest of a page's rows, equal for equal rows."""
    digest = blake2b(digest_size=16)
    for path, table in tables.items():
        digest.update(repr(path).encode())
        values = table.drop_columns([name for name in LINKS if name in table.column_names])
        for batch in values.to_batches():
            digest.update(str(batch.schema).encode())
            digest.update(batch.serialize())
    return digest.digest()
