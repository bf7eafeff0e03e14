"""An answer's bytes as text: what was compressed on the way or is a compressed file, and in which charset it is.

Bodies are unpacked here and not by urllib3, which takes a compressed stream that breaks off for a whole one: of CSV or
JSON lines the rows behind the break would be missing without a word.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator

from shared.errors.hierarchy import SourceError, TransientError

log = logging.getLogger(__name__)

ACCEPTED = "gzip, deflate"
"""The codings that `unpacked` reads; what a session asks for."""
GZIP = b"\x1f\x8b"
"""How a gzip file begins."""
_FOUND = {
    GZIP: "gzip",
    b"PK\x03\x04": "a zip file, or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"%PDF": "a PDF file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_DEFAULT = "windows-1252"


def unpacked(chunks: Iterable[bytes], coding: str, place: str) -> Iterator[bytes]:
    """The bytes of a body without its Content-Encoding.

    Args:
        chunks: The body as it came.
        coding: The header's value.
        place: The request, for messages.

    Raises:
        SourceError: it is in a coding that was not requested.
        TransientError: the compressed stream breaks off or is damaged.
    """
    for name in reversed([one.strip().lower() for one in coding.split(",") if one.strip()]):
        if name in ("identity", "utf-8"):
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            raise SourceError(
                f"{place} came in the Content-Encoding '{name[:30]}', though only {ACCEPTED} were asked for; a proxy "
                "or "
                "CDN before the API has to be set right."
            )
        chunks = inflated(chunks, name, place)
    yield from chunks


def inflated(chunks: Iterable[bytes], coding: str, place: str) -> Iterator[bytes]:
    """The bytes of a stream in gzip or deflate, in pieces of bounded size. Raises TransientError as `unpacked`."""
    inflater = None
    for chunk in chunks:
        while chunk:
            if inflater is None:
                inflater = zlib.decompressobj(_window(chunk, coding))
            try:
                yield inflater.decompress(chunk, 1 << 20)
                while inflater.unconsumed_tail:
                    yield inflater.decompress(inflater.unconsumed_tail, 1 << 20)
            except zlib.error:
                raise TransientError(
                    f"{place} came compressed ({coding}), and is damaged; the next may be whole."
                ) from None
            chunk = inflater.unused_data.lstrip(b"\0") if inflater.eof else b""
            inflater = None if inflater.eof else inflater
    if inflater is not None:
        raise TransientError(f"{place} came compressed ({coding}), and breaks off; the next may be whole.")


def _window(start: bytes, coding: str) -> int:
    """Zlib's parameter for a format; `deflate` is sent with zlib's header, which the standard wants, and without."""
    if coding != "deflate":
        return 16 + zlib.MAX_WBITS
    is_zlib = len(start) > 1 and start[0] & 0x0F == 8 and (start[0] * 256 + start[1]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def text_of(body: bytes, response_format: str, content_type: str, named: str | None, place: str) -> str:
    """A body as text.

    The order: a byte order mark; the charset that the job names; that of Content-Type; for JSON, UTF-8, UTF-16 or
    UTF-32 by the pattern of its first bytes (RFC 4627, section 3); UTF-8. CSV without a charset that is not UTF-8 is
    taken as windows-1252, what HTTP/1.1 (RFC 2616, section 3.7.1) meant by text without a charset.

    Args:
        body: The bytes.
        response_format: json, jsonl or csv.
        content_type: The header.
        named: The charset that the job names.
        place: The request, for messages.

    Raises:
        SourceError: the bytes are not text in that charset.
    """
    declared = _CHARSET.search(content_type)
    by_mark = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    charset = by_mark or named or (declared[1] if declared else None)
    if charset is None:
        charset = json.detect_encoding(body) if response_format != "csv" else "utf-8"
        if response_format == "csv" and not _is_text(body, charset):
            log.warning("%s is not UTF-8 and names no charset: it is read as %s.", place, _OLD_DEFAULT)
            charset = _OLD_DEFAULT
    try:
        return body.decode(charset).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError):
        found = next((what for start, what in _FOUND.items() if body.startswith(start)), None)
        raise SourceError(
            f"{place} gave bytes that are not text in its encoding, {charset[:40]}"
            + (f"; they look like {found}: check api_endpoint and api_response_format." if found else "")
            + ("" if found else "; name the right one in api_format_options, such as encoding=windows-1252.")
        ) from None


def _is_text(body: bytes, charset: str) -> bool:
    try:
        body.decode(charset)
    except UnicodeDecodeError:
        return False
    return True
