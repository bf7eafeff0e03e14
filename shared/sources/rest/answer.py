"""An answer's body as rows: JSON, JSON lines or CSV, found by a JSON path, or an error that says what came instead."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from dlt.common import jsonpath
from dlt.sources.helpers.rest_client.detector import find_response_page_data

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.secrets import Secret

ITSELF = "$"
_MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|[a-z:]+[ >])", re.IGNORECASE)
_SHOWN = 200  # characters of a body in an error message
_KEYS = 50
_LOOKED_AT = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What a server answered to one request.

    `place` names the request for error messages; `url` is its address with all parameters, and `authorization` what
    the request carried in that header: no message shows either, and of the body none of what is `hidden`.
    """

    place: str
    url: str = field(repr=False)
    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    authorization: str = field(default="", repr=False)
    hidden: Secret = field(default_factory=lambda: Secret({}), repr=False)

    @property
    def content_type(self) -> str:
        """The declared type, lower case, without parameters."""
        return self.shown(self.headers.get("Content-Type", "").partition(";")[0].strip().lower())

    def excerpt(self) -> str:
        """The body's beginning in one line."""
        return self.shown(self.body[:_LOOKED_AT].decode("utf-8", errors="replace"))

    def shown(self, said: str, limit: int = _SHOWN) -> str:
        """The beginning in one line of something that the server said; it may repeat what the request carried."""
        return self.hidden.shown(said, limit)

    def keys_of(self, document: Any) -> str:
        """The keys of an object that the server sent, or what it sent instead."""
        if not isinstance(document, dict):
            return type(document).__name__
        return self.shown(", ".join(map(str, islice(document, _KEYS)))) or "none"


def parse(answer: Answer, response_format: str, exact: bool = False) -> Any:
    """The body as a JSON document; JSON lines and CSV as a list of their rows. None where the body is empty.

    Args:
        answer: The answer.
        response_format: json, jsonl or csv.
        exact: Give numbers with a fraction as Decimal, digit by digit, instead of float.

    Raises:
        SourceError: it is something else.
        TransientError: it broke off.
    """
    if not answer.body.strip():
        return None
    _refuse_other_types(answer, response_format)
    encoding = re.search(r"charset=\"?([\w-]+)", answer.headers.get("Content-Type", ""))
    try:
        text = answer.body.decode(encoding[1] if encoding and response_format == "csv" else "utf-8-sig")
    except (UnicodeDecodeError, LookupError):
        raise SourceError(f"{answer.place} gave bytes that are no text in its encoding.") from None
    return _PARSERS[response_format](answer, text, exact)


def _refuse_other_types(answer: Answer, response_format: str) -> None:
    kind = answer.content_type
    is_markup = kind in ("text/html", "application/xhtml+xml") or _MARKUP.match(answer.body)
    if is_markup or kind.endswith("xml") or (response_format == "csv" and "json" in kind):
        raise SourceError(
            f"{answer.place} gave {kind or 'no content type'} where {response_format} was expected: check base_url, "
            f"api_endpoint, api_response_format and how to sign in. It begins with: {answer.excerpt()}"
        )


def _json(answer: Answer, text: str, exact: bool) -> Any:
    try:
        return json.loads(text, parse_float=Decimal if exact else None)
    except (ValueError, RecursionError) as error:
        raise _not_json(answer, text, error) from None


def _json_lines(answer: Answer, text: str, exact: bool) -> list[Any]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line, parse_float=Decimal if exact else None))
            except (ValueError, RecursionError) as error:
                raise _not_json(answer, line, error, f" in line {number}") from None
    if len(rows) == 1 and isinstance(rows[0], list):
        raise SourceError(f"{answer.place} gave one JSON list, not JSON lines: set api_response_format to json.")
    return rows


def _csv(answer: Answer, text: str, exact: bool) -> list[Any]:  # noqa: ARG001 - all values are texts here
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(lines)
        rows = [line for line in lines if line]
    except (csv.Error, StopIteration) as error:
        raise TransientError(
            f"{answer.place} gave no valid CSV, or it broke off: {answer.shown(str(error))}."
        ) from None
    if not rows and len(names) == 1 and answer.content_type != "text/csv":
        raise SourceError(
            f"{answer.place} gave {answer.content_type or 'no content type'} where csv was expected. "
            f"It says: {answer.excerpt()}"
        )
    if doubled := [name for name, times in Counter(names).items() if times > 1]:
        raise SourceError(f"{answer.place} gave CSV with the column '{answer.shown(doubled[0])}' twice.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise TransientError(
                f"{answer.place} gave CSV whose row {number} has {len(row)} fields instead of {len(names)}; "
                "it broke off, or a value is not quoted."
            )
    return [{name: value or None for name, value in zip(names, row, strict=True)} for row in rows]


_PARSERS: dict[str, Callable[[Answer, str, bool], Any]] = {"json": _json, "jsonl": _json_lines, "csv": _csv}


def _not_json(answer: Answer, text: str, error: Exception, where: str = "") -> IngestionError:
    at_end = isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip()) - 1
    if at_end or (isinstance(error, json.JSONDecodeError) and error.msg.startswith("Unterminated")):
        return TransientError(
            f"{answer.place} gave JSON that breaks off{where} after {len(answer.body)} bytes; the next may be whole."
        )
    kind = answer.content_type or "no content type"
    return SourceError(
        f"{answer.place} gave {kind}, which is no valid JSON{where} ({answer.shown(str(error))}): check "
        f"api_endpoint and api_response_format. It begins with: {answer.excerpt()}"
    )


def value_at(document: Any, path: str) -> Any:
    """The first value at a JSON path, None where there is none; a key that is spelt like the path comes first."""
    if path == ITSELF:
        return document
    if isinstance(document, dict) and path in document:
        return document[path]
    found = _values(path, document)
    return found[0] if found else None


def find_rows_path(answer: Answer, document: Any, many: bool) -> str:
    """Where the rows stand in a document whose path nobody gave.

    Args:
        answer: For error messages.
        document: The parsed body.
        many: Whether there must be a list; otherwise an object without one is a row.

    Raises:
        SourceError: there is no list, or the document says that there was an error.
    """
    if not isinstance(document, dict):
        return ITSELF
    for name in ("errors", "error"):
        if document.get(name):
            raise SourceError(f"{answer.place} answered with an error: {answer.shown(json.dumps(document[name]))}")
    path, found = find_response_page_data(document)
    if isinstance(found, list):
        return ".".join(path)
    if many:
        raise SourceError(
            f"{answer.place} gave no list of rows. Its keys are {answer.keys_of(document)}; "
            "name the one that holds them in api_data_path."
        )
    return ITSELF


def rows_at(answer: Answer, document: Any, path: str) -> list[Any]:
    """The rows at a JSON path; a single object is one row.

    Raises:
        SourceError: nothing stands there.
    """
    value = _values(path, document) if "*" in path else value_at(document, path)
    if isinstance(value, list):
        return value
    if value is None and (document is None or _is_null(document, path)):
        return []
    if value is None:
        raise SourceError(
            f"{answer.place} has nothing at api_data_path '{path}'; its keys are {answer.keys_of(document)}. "
            f"It begins with: {answer.excerpt()}"
        )
    return [value] if value != {} else []


def _is_null(document: Any, path: str) -> bool:
    """Whether the path leads to a null, which some servers send for an empty list."""
    return (isinstance(document, dict) and path in document) or bool(_values(path, document))


def _values(path: str, document: Any) -> list[Any]:
    compiled = _compiled(path)
    return [match.value for match in compiled.find(document)] if compiled and document is not None else []


@cache
def _compiled(path: str) -> Any:
    """The compiled path, None where the text is not one: then it can only be a key (@odata.nextLink)."""
    try:
        return jsonpath.compile_path(path)
    except Exception:  # the parser's own errors have no common class
        return None
