"""Where the rows are in an answer: at the path that the job names, or in the one list that can be meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.errors.hierarchy import SourceError
from shared.sources.rest.answer import Answer
from shared.sources.rest.envelope import ENVELOPE, ENVELOPE_TYPES, LIKELY, NOT_ROWS
from shared.sources.rest.faults import TryAgainError
from shared.sources.rest.paths import ITSELF, before_wildcard, leads_anywhere, value_at, values_at
from shared.sources.rest.verdict import is_message, refuse_report
from shared.sources.rest.words import IDS, TOTAL, is_throttling, word

_DEPTH = 3

_KEY = re.compile(r".*\d.*|[A-Z_]+|.{16,}")
"""A key that is no name of a field: it has a digit, is a code in capitals, or is long."""
_FEW = 3


@dataclass(frozen=True)
class _List:
    """A list in an answer: its path, the object that holds it, and its items."""

    path: tuple[str, ...]
    holder: dict[str, Any]
    items: list[Any]

    @property
    def name(self) -> str:
        return word(self.path[-1])


def find_rows_path(answer: Answer, document: Any, endpoint: str, many: bool) -> str:
    """Where the rows are in a document whose path the job does not name.

    Args:
        answer: For error messages.
        document: The parsed body.
        endpoint: `api_endpoint`, whose last part often is the name of the list.
        many: Whether there must be a list; otherwise an object may be a row itself.

    Raises:
        SourceError: no list can be meant, or more than one can, or the object may be a row as well.
        TryAgainError: the answer is a message that speaks of too many requests.
    """
    if isinstance(document, list):
        if {dict, list} <= set(map(type, document)):
            raise SourceError(
                f"{answer.place} gave a list of objects and lists; name the list of rows in api_data_path, such as "
                "$[1], or set it to $ if each of them is a row."
            )
        return ITSELF
    if not isinstance(document, dict):
        raise SourceError(f"{answer.place} gave no rows but {answer.excerpt()}.")
    if is_message(document):
        _refuse_message(answer, document)
    lists = [one for one in _lists(document) if one.name not in NOT_ROWS]
    chosen = _chosen(lists, word(endpoint.partition("?")[0].rstrip("/").rpartition("/")[2]))
    if chosen is None and lists:
        raise SourceError(f"{_several(answer, lists)}; name the one that holds the rows in api_data_path.")
    if chosen is None and many:
        raise SourceError(
            f"{answer.place} gave no list of rows. Its keys are {answer.keys_of(document)}; "
            "name the one that holds them in api_data_path."
        )
    if chosen is None or (not many and _is_entity(chosen) and chosen.name not in LIKELY):
        refuse_report(answer, document)
        _refuse_hidden_rows(answer, document)
        return ITSELF
    if not many and _is_entity(chosen):
        raise SourceError(
            f"{answer.place} gave an object with an id and the list '{'.'.join(chosen.path)}', either of which may be "
            "meant; name it in api_data_path: $ for the object as one row, or the list."
        )
    return ".".join(chosen.path)


def rows_at(answer: Answer, document: Any, path: str) -> list[Any]:
    """The rows at a JSON path; a single object is one row, a null is none.

    Raises:
        SourceError: the path leads nowhere.
    """
    if "*" in path and not (isinstance(document, dict) and path in document):
        return _at_wildcard(answer, document, path)
    value = value_at(document, path)
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = _parsed(value)
    if isinstance(value, list):
        return value
    if value is None:
        if not leads_anywhere(document, path) and not _says_nothing(document, path):
            raise _nothing_at(answer, document, path, path)
        return []
    if not isinstance(value, dict):
        raise SourceError(f"{answer.place} has no rows at api_data_path '{path}' but {answer.shown(str(value))}.")
    return [value] if value else []


def _parsed(text: str) -> Any:
    """Rows that came as a text of JSON, as older .NET services give them; the text itself if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _at_wildcard(answer: Answer, document: Any, path: str) -> list[Any]:
    """The rows of `entry[*].resource`: the list must be there, and each of its items must have the rest."""
    before, rest = before_wildcard(path)
    holder = value_at(document, before)
    if holder is None:
        if leads_anywhere(document, before) or _says_nothing(document, before):
            return []
        raise _nothing_at(answer, document, path, before)
    if not isinstance(holder, (list, dict)):
        raise SourceError(f"{answer.place} has no list at '{before}' of api_data_path '{path}'.")
    found = values_at(holder, f"${'' if rest.startswith('[') else '.'}{rest}")
    if rest.count("*") == 1 and "?" not in rest and len(found) < len(holder):
        raise SourceError(
            f"{answer.place} has {len(holder)} items at '{before}', but only {len(found)} of them have what "
            "api_data_path "
            f"'{path}' names; the others would be missing."
        )
    return found


def _nothing_at(answer: Answer, document: Any, path: str, missing: str) -> SourceError:
    part = "" if missing == path else f" (there is no '{missing}')"
    return SourceError(
        f"{answer.place} has nothing at api_data_path '{path}'{part}; its keys are {answer.keys_of(document)}. "
        f"It begins with: {answer.excerpt()}"
    )


def _says_nothing(document: Any, path: str) -> bool:
    """Whether an answer without the list says itself that there are not rows; FHIR leaves out a list without items."""
    if not isinstance(document, dict):
        return False
    if document.get("resourceType") == "Bundle":
        return path == "entry"
    totals = list(_totals(document))
    return bool(totals) and not any(totals)


def _totals(document: dict[str, Any], depth: int = 0) -> Iterator[int]:
    """The numbers of all rows in a document and in the objects that it holds, but not in lists."""
    for name, value in document.items():
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _totals(value, depth + 1)
        elif TOTAL.fullmatch(word(name)) and not isinstance(value, bool) and str(value).isdigit():
            yield int(value)


def _lists(document: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[_List]:
    """The lists in a document and in the objects that it holds, but not in lists; the shallow ones first."""
    nested = []
    for name, value in document.items():
        if isinstance(value, list):
            yield _List((*before, name), document, value)
        elif isinstance(value, dict) and word(name) not in NOT_ROWS and len(before) < _DEPTH:
            nested.append((name, value))
    for name, value in nested:
        yield from _lists(value, (*before, name))


def _chosen(lists: list[_List], endpoint: str) -> _List | None:
    """The list that can be meant, None if there is none or more than one."""
    lists = [one for one in lists if not one.items or isinstance(one.items[0], (dict, list))] or lists
    if not lists:
        return None
    depth = min(len(one.path) for one in lists)
    likely = [one for one in lists if one.name in LIKELY]
    shallow = [one for one in lists if len(one.path) == depth]
    for candidates in ([one for one in lists if one.name == endpoint], likely, shallow):
        if len(candidates) == 1:
            return candidates[0]
        nearest = [one for one in candidates if len(one.path) == min(len(each.path) for each in candidates)]
        if len(nearest) == 1 and candidates is not shallow:
            return nearest[0]
    return None


def _is_entity(found: _List) -> bool:
    """Whether the object that holds a list looks like a row itself: it has an id, and fields that no envelope has."""
    holder = found.holder
    if any(holder.get(name) == value for name, value in ENVELOPE_TYPES):
        return False
    words = {word(name) for name in holder}
    plain = {word(name) for name, value in holder.items() if not isinstance(value, (list, dict))}
    return bool(words & IDS) and bool(plain - ENVELOPE - IDS)


def _several(answer: Answer, lists: list[_List]) -> str:
    return f"{answer.place} holds several lists: {answer.shown(', '.join('.'.join(one.path) for one in lists[:10]))}"


def _refuse_hidden_rows(answer: Answer, document: dict[str, Any], path: str = "") -> None:
    """Raises SourceError if an object holds rows by their keys, or as a text of JSON: it is no row itself."""
    values = list(document.values())
    if _are_rows_by_key(document):
        raise SourceError(
            f"{answer.place} gave objects by their keys, such as '{answer.shown(next(iter(document)), 60)}': set "
            f"api_data_path to {answer.shown(path, 100)}* for one row of each, or to $ if all are one row."
        )
    for name, value in document.items():
        if isinstance(value, str) and value.lstrip().startswith(("[{", '{"')) and len(values) <= _FEW:
            raise SourceError(
                f"{answer.place} gave JSON as a text in '{answer.shown(path + name, 100)}': name that in "
                "api_data_path, or set it to $ if the text is a value of a row."
            )
        if isinstance(value, dict) and len(values) <= _FEW and not path.count("."):
            _refuse_hidden_rows(answer, value, f"{path}{name}.")


def _are_rows_by_key(document: dict[str, Any]) -> bool:
    """Whether an object's keys are no names of fields, and its values are objects with the same fields."""
    fields = [value.keys() if isinstance(value, dict) else set() for value in document.values()]
    alike = len(fields) > 1 and bool(fields[0]) and all(one == fields[0] for one in fields)
    return alike and all(map(_KEY.fullmatch, document))


def _refuse_message(answer: Answer, document: dict[str, Any]) -> None:
    said = answer.shown(json.dumps(document, ensure_ascii=False))
    if is_throttling(said):
        raise TryAgainError(f"it says: {said}", slows_down=True)
    raise SourceError(
        f"{answer.place} gave a message instead of rows: {said}. If that is data, set api_data_path to $."
    )
