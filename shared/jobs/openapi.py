"""The endpoints of an API that list rows, as its OpenAPI document (2.0, 3.0 or 3.1) describes them; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from shared.errors.hierarchy import SourceError
from shared.jobs.openapi_paging import Paging, paging_of
from shared.jobs.proposals import HOURLY, NIGHTLY, UPDATED
from shared.models.discovery import FoundEndpoint

_MOST_REFERENCES = 20  # that lead from one to the next
_LIST_NAMES = ("data", "items", "results", "value", "values", "records", "rows", "content", "entries", "list", "hits")
_NEWER = re.compile(
    r"(?:date|time)?(?:last)?(?:updated?|modified|changed?)(?:at|on|date|time)?(?:since|after|from|min|gte?|start)"
    r"|(?:since|after|from|min)(?:last)?(?:updated?|modified|changed?)(?:at|on|date|time)?"
)
_KEYS = ("id", "uuid", "guid")

Node = Mapping[str, Any]


def list_endpoints(document: object, base_url: str) -> tuple[FoundEndpoint, ...]:
    """Every GET of a document: those that list rows with their cells, the others with why they have no row.

    Args:
        document: The document, parsed.
        base_url: The address to which api_endpoint is added.

    Raises:
        SourceError: it is no OpenAPI document.
    """
    if not isinstance(document, Mapping) or not ({"openapi", "swagger"} & document.keys()):
        raise SourceError("The document is not of OpenAPI: it has neither the field openapi nor swagger.")
    described = _Document(document)
    prefix = described.prefix_below(base_url)
    paths = _mapping(document.get("paths"))
    found = (
        _endpoint(described, prefix, str(path), _mapping(described.resolved(item)))
        for path, item in paths.items()
        if "get" in _mapping(described.resolved(item))
    )
    return tuple(found)


class _Document:
    """A document whose references can be followed."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def resolved(self, value: Any) -> Any:
        """A value, or what its reference within the document leads to; None if it leads nowhere."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value
            value = self._at(value["$ref"])
        return None

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        node: Any = self._root
        for part in reference[2:].split("/"):
            node = _mapping(node).get(part.replace("~1", "/").replace("~0", "~"))
        return node

    def schema(self, value: Any) -> Node:
        """A schema with what it is made of by allOf; of alternatives the first that is an object or a list."""
        schema = _mapping(self.resolved(value))
        parts = [self.schema(part) for part in _list(schema.get("allOf"))[:_MOST_REFERENCES]]
        for part in parts:
            own = {**_mapping(part.get("properties")), **_mapping(schema.get("properties"))}
            schema = {**part, **schema, **({"properties": own} if own else {})}
        for name in ("oneOf", "anyOf"):
            if "type" not in schema and "properties" not in schema:
                options = (_mapping(self.resolved(one)) for one in _list(schema.get(name)))
                schema = next((one for one in options if {"properties", "items", "allOf"} & one.keys()), schema)
        return schema

    def prefix_below(self, base_url: str) -> str:
        """What a path needs before it, so that base_url and it are the address of the server that is described."""
        servers = [_mapping(one).get("url") for one in _list(self._root.get("servers"))]
        first = str(servers[0]) if servers else str(self._root.get("basePath") or "")
        described = "" if "{" in first else urlsplit(first).path.rstrip("/")
        own = urlsplit(base_url).path.rstrip("/")
        return "" if own.endswith(described) else described.removeprefix(own)


def _endpoint(document: _Document, prefix: str, path: str, item: Node) -> FoundEndpoint:
    operation = _mapping(document.resolved(item["get"]))
    declared = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
    named = {str(one.get("name")): one for one in (_mapping(document.resolved(each)) for each in declared)}
    full = f"{prefix}{path}"
    if "{" in path:
        wanted = ", ".join(re.findall(r"\{([^}]*)\}", path))
        text = f"It asks for {wanted}: a row with api_for_each takes it from the rows of another job."
        return FoundEndpoint(path=full, error=text)
    if operation.get("deprecated") is True:
        return FoundEndpoint(path=full, error="The document calls it deprecated.")
    answer = document.schema(_answer_schema(document, operation))
    found = _rows_of(document, answer, path)
    if found is None:
        return FoundEndpoint(path=full, error="The document does not say that it answers a list of objects.")
    data_path, row = found
    query = {name: one for name, one in named.items() if one.get("in") == "query"}
    paging = paging_of(query, _fields(document, answer), _headers(operation))
    fixed, missing = _fixed(query, paging)
    if missing:
        return FoundEndpoint(path=full, error=f"It asks for {', '.join(missing)}: write the values into api_params.")
    return _with_cells(document, full, data_path, row, query, paging, fixed)


def _with_cells(
    document: _Document,
    path: str,
    data_path: str,
    row: Node,
    query: Mapping[str, Node],
    paging: Paging,
    fixed: Mapping[str, str],
) -> FoundEndpoint:
    properties = {name: document.schema(one) for name, one in _mapping(row.get("properties")).items()}
    cells: dict[str, Any] = {"api_method": "GET", "api_data_path": data_path, **paging.cells}
    reasons = {"api_data_path": "Where the document has the list of rows.", "pagination_type": paging.reason}
    if fixed:
        cells["api_params"] = "&".join(f"{name}={value}" for name, value in fixed.items())
        reasons["api_params"] = "Parameters that the document requires, with its values."
    key = next((name for name in properties if name.lower() in _KEYS), None)
    if key:
        cells["primary_key"] = key
        reasons["primary_key"] = "Its name says that it identifies a row."
    changed = next((name for name, one in properties.items() if _is_time(one) and _matches(UPDATED, name)), None)
    newer = next((name for name in query if _matches(_NEWER, name)), None)
    if key and changed and newer:
        cells |= {"load_type": "INCREMENTAL", "watermark_column": changed, "api_cursor_filter_param": newer}
        cells |= {"table_format": "delta", "schedule": HOURLY}
        reasons["load_type"] = f"Rows have {changed}, and {newer} lets the server send newer ones only."
        reasons["watermark_column"] = "Its name says that it is the time of the last change; see that this is so."
    else:
        cells |= {"load_type": "FULL", "schedule": NIGHTLY}
        reasons["load_type"] = _why_full(key, changed)
    columns = {name: _type(one) for name, one in properties.items()}
    return FoundEndpoint(path=path, cells=cells, reasons=reasons, columns=columns)


def _why_full(key: str | None, changed: str | None) -> str:
    if not changed:
        return "The document names no field that is the time of a row's last change."
    if not key:
        return f"{changed} shows changed rows, but no field is named like a key by which they could be updated."
    return f"{changed} shows changed rows, but no parameter is named like updated_since, by which to ask for them."


def _answer_schema(document: _Document, operation: Node) -> Any:
    responses = _mapping(operation.get("responses"))
    good = responses.get("200") or responses.get("2XX") or responses.get("default")
    response = _mapping(document.resolved(good))
    if "schema" in response:  # version 2.0
        return response["schema"]
    content = _mapping(response.get("content"))
    media = next((one for name, one in content.items() if "json" in str(name)), None)
    return _mapping(media).get("schema")


def _rows_of(document: _Document, answer: Node, path: str) -> tuple[str, Node] | None:
    """Where the list of rows is in an answer, and the schema of a row."""
    if _is_list(answer):
        row = document.schema(answer.get("items"))
        return ("$", row) if _is_object(row) else None
    lists = dict(_lists(document, answer, ()))
    if not lists:
        return None
    last = re.sub(r"[^a-z0-9]", "", path.rpartition("/")[2].lower())

    def rank(place: tuple[str, ...]) -> tuple[bool, int, int]:
        name = place[-1].lower()
        known = _LIST_NAMES.index(name) if name in _LIST_NAMES else len(_LIST_NAMES)
        return re.sub(r"[^a-z0-9]", "", name) != last, known, len(place)

    place = min(lists, key=rank)
    return ".".join(place), lists[place]


def _lists(document: _Document, schema: Node, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The lists of objects in an object and in the objects within."""
    for name, value in _mapping(schema.get("properties")).items():
        inner = document.schema(value)
        if re.search(r"[.\[\]\s]", str(name)):  # no path can name it
            continue
        if _is_list(inner) and _is_object(row := document.schema(inner.get("items"))):
            yield (*place, str(name)), row
        elif _is_object(inner) and len(place) < 2:
            yield from _lists(document, inner, (*place, str(name)))


def _fields(document: _Document, schema: Node, place: tuple[str, ...] = ()) -> dict[str, Node]:
    """The fields of an answer beside its rows, by path."""
    fields: dict[str, Node] = {}
    for name, value in _mapping(schema.get("properties")).items():
        inner = document.schema(value)
        if _is_object(inner) and len(place) < 2:
            fields |= _fields(document, inner, (*place, str(name)))
        elif not _is_list(inner):
            fields[".".join((*place, str(name)))] = inner
    return fields


def _headers(operation: Node) -> set[str]:
    responses = _mapping(operation.get("responses"))
    response = _mapping(responses.get("200"))
    return {str(name).lower() for name in _mapping(response.get("headers"))}


def _fixed(query: Mapping[str, Node], paging: Paging) -> tuple[dict[str, str], list[str]]:
    """The parameters that must be sent, with the document's values, and those for which it has none."""
    fixed: dict[str, str] = {}
    missing: list[str] = []
    for name, one in query.items():
        if one.get("required") is not True or name in paging.parameters:
            continue
        value = one.get("default", _mapping(one.get("schema")).get("default"))
        if isinstance(value, (str, int, float)) and not re.search(r"[&=\s]", str(value)):
            fixed[name] = str(value).lower() if isinstance(value, bool) else str(value)
        else:
            missing.append(name)
    return fixed, missing


def _is_list(schema: Node) -> bool:
    return schema.get("type") == "array" or "array" in _list(schema.get("type")) or "items" in schema


def _is_object(schema: Node) -> bool:
    return schema.get("type") == "object" or "object" in _list(schema.get("type")) or "properties" in schema


def _is_time(schema: Node) -> bool:
    return schema.get("format") in ("date-time", "date") or schema.get("type") in ("integer", "number")


def _type(schema: Node) -> str:
    kind = schema.get("type")
    words = (
        ", ".join(map(str, kind)) if isinstance(kind, Sequence) and not isinstance(kind, str) else str(kind or "any")
    )
    return f"{words} ({schema['format']})" if isinstance(schema.get("format"), str) else words


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return bool(pattern.fullmatch(re.sub(r"[^a-z]", "", name.lower())))


def _mapping(value: Any) -> Node:
    """An object of the document; YAML reads the statuses of answers as numbers."""
    return {str(name): inner for name, inner in value.items()} if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []
