"""Files that hold files: a gzip file holds one, a zip archive any number. What comes out of them is bounded."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest.decoding import GZIP, inflated

ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_CHUNK = 1 << 20
_EXCEL = "[Content_Types].xml"
_SHOWN = 10


def unpacked_files(body: bytes, options: Mapping[str, str], limit: int, place: str) -> list[bytes]:
    """The files of a body: itself, unless it is compressed.

    Args:
        body: What came.
        options: `member`, a pattern of the names that count in a zip archive.
        limit: Bytes of all files together.
        place: The request, for messages.

    Raises:
        SourceError: they are larger, or it is not clear which of them are meant.
        TransientError: the body breaks off or is damaged.
    """
    if body.startswith(GZIP):
        return [_joined(inflated([body], "gzip", place), limit, place)]
    if body.startswith((ZIP, _EMPTY_ZIP)) and not is_excel(body):
        return _members(body, options.get("member"), limit, place)
    return [body]


def is_excel(body: bytes) -> bool:
    """Whether a zip archive is an Office file."""
    return body.startswith(ZIP) and _EXCEL.encode() in body[-(1 << 16) :]


def _members(body: bytes, pattern: str | None, limit: int, place: str) -> list[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            found = [one for one in archive.infolist() if _is_file(one.filename)]
            chosen = [one for one in found if pattern is None or fnmatchcase(one.filename, pattern)]
            if not chosen or (pattern is None and len(chosen) > 1):
                names = ", ".join(one.filename for one in found[:_SHOWN]) or "none"
                raise SourceError(
                    f"{place} gave a zip archive with the files {names}; name the one that is meant as member in "
                    "api_format_options, or a pattern such as *.csv."
                )
            if any(one.flag_bits & 1 for one in chosen):
                raise SourceError(f"{place} gave a zip archive with a password, which cannot be read.")
            return _read(archive, chosen, limit, place)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise TransientError(
            f"{place} gave a zip archive that is damaged or breaks off; the next may be whole."
        ) from None
    except NotImplementedError as error:
        raise SourceError(f"{place} gave a zip archive that cannot be read: {error}.") from None


def _read(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], limit: int, place: str) -> list[bytes]:
    files: list[bytes] = []
    for member in members:
        with archive.open(member) as file:
            chunks = iter(lambda file=file: file.read(_CHUNK), b"")  # type: ignore[misc]  # bound in this very turn
            files.append(_joined(chunks, limit - sum(map(len, files)), place))
    return files


def _is_file(name: str) -> bool:
    last = name.rpartition("/")[2]
    return bool(last) and not last.startswith(".") and not name.startswith("__MACOSX/")


def _joined(chunks: Iterable[bytes], limit: int, place: str) -> bytes:
    found = bytearray()
    for part in chunks:
        found += part
        if len(found) > limit:
            raise too_large(place)
    return bytes(found)


def too_large(place: str) -> SourceError:
    """The error for a body that is small as it comes and large as it is read."""
    return SourceError(f"{place} holds more than the setting API_MAX_MEGABYTES allows, once it is unpacked.")
