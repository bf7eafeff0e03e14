"""Kinds whose cells have an inner structure: column types, masks, schedules, JSON, parameters."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from shared.jobs.masks import FORMS, mask_of
from shared.jobs.schedules import next_due, parse_quiet_hours
from shared.workbook.cells import as_text, quoted
from shared.workbook.kinds import InvalidCellError, did_you_mean

_TYPES = ("text", "bigint", "double", "decimal", "bool", "date", "time", "timestamp", "binary", "json")
_TYPE_ALIASES = {"int": "bigint", "integer": "bigint", "float": "double", "string": "text", "boolean": "bool"}
_COLUMN_TYPE = re.compile(
    r"(?P<column>.+?)\s*:\s*(?P<type>\w+)(?:\s*\(\s*(?:(?P<precision>\d+)\s*,\s*(?P<scale>\d+)|(?P<zone>[A-Za-z][\w+/-]*))\s*\))?"
)
_MAX_ITEM = 300  # characters of one column with its type
_MAX_PRECISION = 38
_MAX_ITEMS = 1000
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_A_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ColumnTypes:
    """`amount:decimal(18,4), flag:bool`."""

    label: str = "column:type list"
    allowed: tuple[str, ...] = ()
    max_length: int = 32_000

    def parse(self, value: object) -> dict[str, str]:
        types: dict[str, str] = {}
        for item in _items(as_text(value)):
            found = _COLUMN_TYPE.fullmatch(item) if len(item) <= _MAX_ITEM else None
            if not found:
                raise InvalidCellError(f"is not of the form column:type, column:type at {quoted(item)}")
            if found["column"] in types:
                raise InvalidCellError(f"gives two types to the column '{found['column']}'")
            types[found["column"]] = self._type(found)
        return types

    @staticmethod
    def _type(found: re.Match[str]) -> str:
        name = found["type"].lower()
        name = _TYPE_ALIASES.get(name, name)
        if name not in _TYPES:
            hint = did_you_mean(name, _TYPES)
            raise InvalidCellError(f"has the type '{name}', which is not one of {', '.join(_TYPES)}{hint}")
        if name == "timestamp" and found["zone"]:
            return f"timestamp({_known_zone(found['zone'])})"
        if found["zone"]:
            raise InvalidCellError(f"has '{found['type']}({found['zone']})'; only timestamp takes a zone")
        if found["precision"] is None:
            return name
        precision, scale = int(found["precision"]), int(found["scale"])
        if name != "decimal" or not scale <= precision <= _MAX_PRECISION or precision == 0:
            raise InvalidCellError(
                f"has '{found['type']}({precision},{scale})'; only decimal takes digits, at most {_MAX_PRECISION}, "
                "with no more after the point than in all"
            )
        return f"decimal({precision},{scale})"

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class Masks:
    """`email:hash, phone:last4`."""

    label: str = "column:mask list"
    allowed: tuple[str, ...] = ()
    max_length: int = 32_000

    def parse(self, value: object) -> dict[str, str]:
        masks: dict[str, str] = {}
        for item in _items(as_text(value)):
            column, colon, text = (part.strip() for part in item.rpartition(":"))
            if not (column and colon and text) or len(item) > _MAX_ITEM:
                raise InvalidCellError(f"is not of the form column:mask, column:mask at {quoted(item)}")
            if column.casefold() in map(str.casefold, masks):
                raise InvalidCellError(f"gives two masks to the column '{column}'")
            try:
                mask_of(text.lower())
            except ValueError:
                hint = did_you_mean(text.lower(), ("hash", "last4", "null", "year"))
                raise InvalidCellError(
                    f"has the mask {quoted(text)}, which is not one of {', '.join(FORMS)}{hint}"
                ) from None
            masks[column] = text.lower()
        return masks

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string"}


def _items(text: str) -> Iterator[str]:
    """The texts between the commas that are outside of brackets."""
    start = depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")" and depth > 0)
        if character == "," and not depth:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


@dataclass(frozen=True)
class Schedule:
    """A cron expression of five fields."""

    label: str = "cron, 5 fields"
    allowed: tuple[str, ...] = ()
    max_length: int = 200

    def parse(self, value: object) -> str:
        text = " ".join(as_text(value).split())
        wrong = _wrong_with_schedule(text)
        if wrong:
            raise InvalidCellError(wrong)
        return text

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "pattern": r"^\S+(?:\s+\S+){4}$"}


@dataclass(frozen=True)
class QuietHours:
    """A span of time of the day."""

    label: str = "hours, UTC"
    allowed: tuple[str, ...] = ()
    max_length: int = 50

    def parse(self, value: object) -> str:
        try:
            start, end = parse_quiet_hours(as_text(value))
        except ValueError as error:
            raise InvalidCellError(str(error)) from None
        midnight = datetime.min
        return f"{midnight + start:%H:%M}-{midnight + end:%H:%M}"

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "pattern": r"^\d\d:\d\d\s*-\s*\d\d:\d\d(?:\s*UTC)?$"}


@dataclass(frozen=True)
class JsonObject:
    """A JSON object."""

    label: str = "JSON object"
    allowed: tuple[str, ...] = ()
    max_length: int = 32_000

    def parse(self, value: object) -> dict[str, Any]:
        try:
            parsed = json.loads(as_text(value), parse_constant=_refuse_constant)
        except ValueError as error:
            raise InvalidCellError(f"is not JSON: {error}") from None
        except RecursionError:
            raise InvalidCellError("is nested too deeply") from None
        if not isinstance(parsed, dict):
            raise InvalidCellError('is JSON, but not an object like {"name": "value"}')
        return parsed

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "contentMediaType": "application/json"}


@dataclass(frozen=True)
class Parameters:
    """Names and values, as `a=1&b=2` or as a JSON object.

    Attributes:
        secret_names: Names that carry secrets, in lower case; a workbook must not hold those.
        own_names: Names that belong to the app and to the connection, in lower case; one that ends with `*` matches
            all that begin so.
        are_headers: Whether they are the names and values of HTTP headers (RFC 9110, 5.1 and 5.5).
    """

    secret_names: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()
    are_headers: bool = False
    label: str = "a=1&b=2 or JSON object"
    allowed: tuple[str, ...] = ()
    max_length: int = 8_000

    def parse(self, value: object) -> dict[str, str]:
        text = as_text(value)
        if text.startswith("{"):
            pairs = [(name, _scalar(name, item)) for name, item in JsonObject().parse(text).items()]
        else:
            try:
                pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_ITEMS)
            except ValueError:
                raise InvalidCellError("is neither of the form a=1&b=2 nor a JSON object") from None
        parsed: dict[str, str] = {}
        for name, content in pairs:
            self._refuse(name, content)
            if name in parsed:
                raise InvalidCellError(f"names {quoted(name)} twice")
            parsed[name] = content
        return parsed

    def _refuse(self, name: str, content: str) -> None:
        lower = name.lower()
        if lower in self.secret_names:
            raise InvalidCellError(f"holds {quoted(name)}, which carries a secret; it belongs in the source's secret")
        if any(lower == own or (own.endswith("*") and lower.startswith(own[:-1])) for own in self.own_names):
            raise InvalidCellError(f"holds {quoted(name)}, which is not a workbook's to set; remove it")
        if self.are_headers and not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(content)):
            raise InvalidCellError(
                f"holds {quoted(name)}, which is not a valid header name, or has a value that no header may have"
            )

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class Number:
    """A number above zero, up to a maximum."""

    maximum: float
    label: str = "number"
    allowed: tuple[str, ...] = ()
    max_length: int = 100

    def parse(self, value: object) -> float:
        try:
            number = float(as_text(value))
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not 0 < number <= self.maximum:
            raise InvalidCellError(f"is not a number above 0 and up to {self.maximum:g}")
        return number

    def schema(self) -> Mapping[str, Any]:
        return {"type": "number", "exclusiveMinimum": 0, "maximum": self.maximum}


@lru_cache(maxsize=1024)  # workbooks repeat a few schedules over and over
def _wrong_with_schedule(text: str) -> str | None:
    try:
        next_due(text, _A_MOMENT)
    except ValueError as error:
        return str(error)
    return None


def _scalar(name: str, value: object) -> str:
    if isinstance(value, dict | list) or value is None:
        raise InvalidCellError(f"has for '{name}' no plain value")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidCellError(
            f"names the zone '{name}', which is none of the IANA database, such as Europe/Zurich"
        ) from None
    return name
