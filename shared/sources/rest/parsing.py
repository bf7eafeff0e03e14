"""An answer's body as a document: JSON, or a list of the rows of a file; or an error that says what came instead."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.settings import settings
from shared.sources.rest.answer import Answer
from shared.sources.rest.archive import unpacked_files
from shared.sources.rest.csv_dialect import csv_lines
from shared.sources.rest.decoding import text_of
from shared.sources.rest.files import excel_rows, parquet_rows

_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|[a-z:]+[ >])", re.IGNORECASE)
_DIGITS = bytes.maketrans(b"123456789.E-", b"0000000000e+")
_LONG_NUMBERS = (b"0" * 17, b"0e000", b"0e+000")
"""How numbers that a double, or 64 bits, may not hold look by `_DIGITS`; a text that has none is parsed faster."""


def parse(answer: Answer, response_format: str, options: Mapping[str, str], exact: bool = False) -> Any:
    """The body as a JSON document; any other format as a list of its rows. Compressed files are unpacked.

    Args:
        answer: The answer.
        response_format: json, jsonl, csv, excel or parquet.
        options: `api_format_options`.
        exact: Give numbers with a fraction as Decimal, digit by digit, instead of float; a body with a number that a
            double may not hold gives them so in any case.

    Raises:
        SourceError: it is something else.
        TransientError: it is empty, or broke off.
    """
    if not answer.body or answer.body.isspace():
        if response_format == "jsonl":
            return []
        raise TransientError(
            f"{answer.place} answered {answer.status} without a body, where {response_format} was expected: that is "
            "not taken for an empty table."
        )
    _refuse_other_types(answer, response_format)
    limit = settings().api_max_megabytes << 20
    files = unpacked_files(answer.body, options, limit, answer.place)
    documents = [_document(answer, file, response_format, options, exact) for file in files]
    if len(documents) == 1:
        return documents[0]
    if not all(isinstance(document, list) for document in documents):
        raise SourceError(f"{answer.place} gave several JSON files that are not lists; name one as member.")
    return [row for document in documents for row in document]


def _document(answer: Answer, body: bytes, response_format: str, options: Mapping[str, str], exact: bool) -> Any:
    """One file of an answer."""
    limit = settings().api_max_megabytes << 20
    if response_format == "parquet":
        return parquet_rows(body, limit, answer.place)
    if response_format == "excel":
        return excel_rows(body, options, limit, answer.place)
    content_type = answer.headers.get("Content-Type", "")
    text = text_of(body, response_format, content_type, options.get("encoding"), answer.place)
    if response_format == "csv":
        return _csv(answer, text, options)
    exact = exact or _has_long_number(text)
    return _json(answer, text, exact) if response_format == "json" else _json_lines(answer, text, exact)


def _refuse_other_types(answer: Answer, response_format: str) -> None:
    kind = answer.content_type
    is_markup = kind in ("text/html", "application/xhtml+xml") or _MARKUP.match(answer.body)
    is_json = "json" in kind and response_format == "csv"
    if response_format in ("excel", "parquet"):
        is_json = answer.body.lstrip().startswith((b"{", b"["))
    if is_markup or kind.endswith("xml") or is_json:
        raise SourceError(
            f"{answer.place} gave {answer.shown(kind) or 'no content type'} where {response_format} was expected: "
            f"check base_url, api_endpoint, api_response_format and how to sign in. It begins with: {answer.excerpt()}"
        )


def _json(answer: Answer, text: str, exact: bool) -> Any:
    try:
        return _loaded(text, exact)
    except (ValueError, RecursionError) as error:
        raise _not_json(answer, text, error) from None


def _loaded(text: str, exact: bool) -> Any:
    """A JSON document.

    The fast parser reads what the standard library reads to the same values, but refuses some of it (NaN, half a
    character, deep nesting): what it refuses, the standard library decides.
    """
    if not exact:
        try:
            return orjson.loads(text)
        except ValueError:
            return json.loads(text)
    return json.loads(text, parse_float=Decimal)


def _has_long_number(text: str) -> bool:
    shape = text.encode("utf-8", "surrogatepass").translate(_DIGITS)
    return any(long in shape for long in _LONG_NUMBERS)


def _json_lines(answer: Answer, text: str, exact: bool) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_loaded(line, exact))
            except (ValueError, RecursionError) as error:
                raise _not_json(answer, line, error, f" in line {number}") from None
    if len(rows) == 1 and isinstance(rows[0], list):
        raise SourceError(f"{answer.place} gave one JSON list, not JSON lines: set api_response_format to json.")
    return rows


def _csv(answer: Answer, text: str, options: Mapping[str, str]) -> list[Any]:
    if text.lstrip().startswith(("{", "[{")):
        raise SourceError(f"{answer.place} gave JSON where csv was expected. It says: {answer.excerpt()}")
    csv.field_size_limit(sys.maxsize)  # a field may be as long as an answer, which has its own limit
    try:
        lines = csv_lines(answer.place, text, options, answer.content_type)
    except csv.Error as error:
        raise SourceError(
            f"{answer.place} gave no valid CSV: {answer.shown(str(error))}. It begins with: {answer.excerpt()}"
        ) from None
    names = lines.names
    if not lines.rows and len(names) == 1 and (answer.content_type != "text/csv" or " " in names[0].strip()):
        raise SourceError(
            f"{answer.place} gave {answer.shown(answer.content_type) or 'no content type'} where csv was expected. "
            f"It says: {answer.excerpt()}"
        )
    if doubled := [name for name, times in Counter(names).items() if times > 1]:
        raise SourceError(f"{answer.place} gave CSV with the column '{answer.shown(doubled[0])}' twice.")
    for number, row in enumerate(lines.rows, lines.first_row):
        if len(row) != len(names):
            raise TransientError(
                f"{answer.place} gave CSV whose row {number} has {len(row)} fields instead of {len(names)}; "
                "it broke off, or a value is not quoted."
            )
    return [{name: value or None for name, value in zip(names, row, strict=True)} for row in lines.rows]


def _not_json(answer: Answer, text: str, error: Exception, where: str = "") -> IngestionError:
    at_end = isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip()) - 1
    if at_end or (isinstance(error, json.JSONDecodeError) and error.msg.startswith("Unterminated")):
        return TransientError(
            f"{answer.place} gave JSON that breaks off{where} after {len(answer.body)} bytes; the next may be whole."
        )
    kind = answer.shown(answer.content_type) or "no content type"
    return SourceError(
        f"{answer.place} gave {kind}, which is not valid JSON{where} ({answer.shown(str(error))}): check api_endpoint "
        f"and api_response_format. It begins with: {answer.excerpt()}"
    )
