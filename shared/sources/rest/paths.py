"""JSON paths: a value read out of an answer, and a value written into the body of a request."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from dlt.common import jsonpath

from shared.errors.hierarchy import ConfigurationError

ITSELF = "$"
_STEP = re.compile(r"\.?(?:([^.\[\]]+)|\[(-?\d+)\]|\['([^']+)'\])")


def value_at(document: Any, path: str) -> Any:
    """The first value at a JSON path, None if there is none; a key that is spelled like the path comes first."""
    if path == ITSELF:
        return document
    if isinstance(document, dict) and path in document:
        return document[path]
    found = values_at(document, path)
    return found[0] if found else None


def values_at(document: Any, path: str) -> list[Any]:
    """All values at a JSON path."""
    compiled = _compiled(path)
    return [match.value for match in compiled.find(document)] if compiled and document is not None else []


def leads_anywhere(document: Any, path: str) -> bool:
    """Whether a path leads to a value, if only to a null."""
    return path == ITSELF or (isinstance(document, dict) and path in document) or bool(values_at(document, path))


def before_wildcard(path: str) -> tuple[str, str]:
    """The part of a path before its first `*`, and the part from there on; `$` for the document itself."""
    start = path.index("*")
    start = start - 1 if path[start - 1 : start] == "[" else start
    return path[:start].rstrip(".") or ITSELF, path[start:]


def set_value(body: dict[str, Any], path: str, value: Any) -> None:
    """Write a value into the body of a request, where the path leads, also into lists (`filters[0].value`).

    A key that is spelled like the path comes first. Objects on the way are made; a place in a list has to exist, or
    be the one after its last.

    Raises:
        ConfigurationError: the path leads through something that is neither object nor list, or beyond a list's end.
    """
    steps = [path] if path in body else _steps(path)
    place: Any = body
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        filler: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, int) and isinstance(place, list) and -len(place) <= step <= len(place):
            if step == len(place):
                place.append(filler)
        elif isinstance(step, str) and isinstance(place, dict):
            place.setdefault(step, filler)
        else:
            raise ConfigurationError(f"api_body has no place at '{path}'; check the path, or the body.")
        if following is None:
            place[step] = value
        place = place[step]


def _steps(path: str) -> list[str | int]:
    text = path.removeprefix("$")
    found = list(_STEP.finditer(text))
    if "".join(one[0] for one in found) != text or not found:
        return [path]
    return [int(one[2]) if one[2] is not None else one[1] or one[3] for one in found]


@cache
def _compiled(path: str) -> Any:
    """The compiled path, None if the text is not one: then it can only be a key (@odata.nextLink)."""
    try:
        return jsonpath.compile_path(path)
    except Exception:  # the parser's own errors have no common class
        return None
