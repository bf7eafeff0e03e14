"""Looks for texts that must be nowhere: in bytes as they are, and in what formats of the lake hide by compression."""

from __future__ import annotations

import base64
import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq


def spellings(text: str) -> set[bytes]:
    """A text as it is, as URLs spell it, in UTF-16, hexadecimal, and base64 wherever it begins."""
    raw = text.encode()
    found = {raw, raw.lower(), quote(text, safe="").encode(), text.encode("utf-16-le")}
    found |= {raw.hex().encode(), raw.hex().upper().encode()}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        found.add(encoded[(0, 2, 3)[before] : -4])
    return found


def seen_in(contents: Mapping[str, bytes], wanted: Iterable[bytes]) -> list[str]:
    """The names of the contents in which one of the texts is."""
    texts = list(wanted)
    return [
        name
        for name, content in contents.items()
        if any(text in part for part in unpacked(name, content) for text in texts)
    ]


def unpacked(name: str, content: bytes) -> Iterator[bytes]:
    """A content as it is, and what it holds: rows, schema and statistics of Parquet, dlt's state, gzip, Arrow."""
    yield content
    with suppress(Exception):
        if content[:4] == b"PAR1":
            file = pq.ParquetFile(BytesIO(content))
            yield repr((file.schema_arrow, file.metadata.to_dict(), file.read().to_pylist())).encode()
        elif content[:2] == b"\x1f\x8b":
            yield gzip.decompress(content)
        elif content[:4] == b"\xff\xff\xff\xff":
            yield repr(pa.ipc.open_stream(content).read_all().to_pylist()).encode()
        elif "state" in name:
            yield zlib.decompress(base64.b64decode(json.loads(content)["state"]))


def files_below(folder: Path) -> dict[str, bytes]:
    """The files below a folder that can be read now; one that is gone meanwhile is left out."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found[f"{parent}/{name}"] = (Path(parent) / name).read_bytes()
    return found
