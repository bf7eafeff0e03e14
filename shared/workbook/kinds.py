"""The kinds of value that a column can hold: how a cell becomes one, and how it is described to people and machines."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.workbook.cells import BrokenCell, as_text

_YES = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_COMPARED_CHARACTERS = 100
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,15}(\.0+)?")


class InvalidCellError(Exception):
    """A cell is not valid in its column; the text continues after the value in quotes (`'INCR' is not one of …`)."""


class Kind(Protocol):
    """How the cells of a column are read and described."""

    @property
    def label(self) -> str:
        """The kind in a word or two, for the documentation."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """The values of a drop-down; empty if there are too many to list."""

    @property
    def max_length(self) -> int:
        """Characters of a cell, at most: nothing longer is looked at."""

    def parse(self, value: object) -> object:
        """The typed value of a cell that is not blank.

        Raises:
            InvalidCellError: the value is not valid in the column.
        """

    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the value."""


def parse_cell(kind: Kind, value: object) -> object:
    """The typed value of a cell; what is broken in the sheet itself is refused before the kind sees it.

    Raises:
        InvalidCellError: as `Kind.parse`.
    """
    if isinstance(value, BrokenCell):
        raise InvalidCellError(value.reason)
    if isinstance(value, str) and len(value) > kind.max_length:
        raise InvalidCellError(f"has {len(value)} characters, at most {kind.max_length} are allowed")
    try:
        return kind.parse(value)
    except InvalidCellError:
        raise
    except Exception as error:  # a cell may hold what no kind foresaw, and must not stop the others from being judged
        raise InvalidCellError(f"cannot be read as {kind.label} ({type(error).__name__})") from error


@dataclass(frozen=True)
class Text:
    """Text, of a pattern if one is given; numbers and dates are read as the text that the user sees."""

    pattern: str | None = None
    rule: str = ""
    max_length: int = 4000
    label: str = "text"
    allowed: tuple[str, ...] = ()

    def parse(self, value: object) -> str:
        text = as_text(value)
        if len(text) > self.max_length:  # of an item in a list
            raise InvalidCellError(f"has {len(text)} characters, at most {self.max_length} are allowed")
        if _CONTROL.search(text):
            raise InvalidCellError("holds a control character; type the value again")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise InvalidCellError(self.rule)
        return text

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string", "maxLength": self.max_length} | (
            {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        )


@dataclass(frozen=True)
class Choice:
    """One of a few words, in any case."""

    allowed: tuple[str, ...]
    label: str = "choice"
    max_length: int = 100

    def parse(self, value: object) -> str:
        text = as_text(value).casefold()
        for choice in self.allowed:
            if choice.casefold() == text:
                return choice
        raise InvalidCellError(f"is not one of {', '.join(self.allowed)}{did_you_mean(text, self.allowed)}")

    def schema(self) -> Mapping[str, Any]:
        return {"enum": list(self.allowed)}


@dataclass(frozen=True)
class Flag:
    """Y or N, or a further word if `allowed` names one.

    A boolean cell and the words yes, no, true and false are read too.
    """

    allowed: tuple[str, ...] = ("Y", "N")
    label: str = "flag"
    max_length: int = 100

    def parse(self, value: object) -> bool | str:
        text = as_text(value).casefold()
        words = {word.casefold(): word for word in self.allowed} | _YES
        try:
            return words[text]
        except KeyError:
            raise InvalidCellError(f"is not one of {', '.join(self.allowed)}") from None

    def schema(self) -> Mapping[str, Any]:
        return {"enum": list(self.allowed)}


@dataclass(frozen=True)
class Integer:
    """A whole number within bounds, stored as a number or as text."""

    minimum: int
    maximum: int
    label: str = "whole number"
    allowed: tuple[str, ...] = ()
    max_length: int = 100

    def parse(self, value: object) -> int:
        text = as_text(value)
        if isinstance(value, bool) or not _WHOLE_NUMBER.fullmatch(text):
            raise InvalidCellError(f"is not a whole number from {self.minimum} to {self.maximum}")
        number = int(text.partition(".")[0])
        if not self.minimum <= number <= self.maximum:
            raise InvalidCellError(f"is not within {self.minimum} to {self.maximum}")
        return number

    def schema(self) -> Mapping[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Names:
    """A list of names between commas.

    Attributes:
        item: What each name must be.
        lower: Whether names are compared and kept in lower case.
        most: How many names there may be.
    """

    item: Text
    lower: bool = False
    most: int = 1000
    label: str = "list, comma"
    allowed: tuple[str, ...] = ()
    max_length: int = 32_000

    def parse(self, value: object) -> tuple[str, ...]:
        parts = [part.strip() for part in re.split(r"[,\n]", as_text(value)) if part.strip()]
        if len(parts) > self.most:
            raise InvalidCellError(f"has {len(parts)} names, at most {self.most} are allowed")
        names: dict[str, str] = {}
        for part in parts:
            try:
                name = self.item.parse(part.lower() if self.lower else part)
            except InvalidCellError as error:
                raise InvalidCellError(f"names '{part[:60]}', which {error}") from None
            if name.casefold() in names:
                raise InvalidCellError(f"names '{name[:60]}' twice")
            names[name.casefold()] = name
        if not names:
            raise InvalidCellError("names nothing")
        return tuple(names.values())

    def schema(self) -> Mapping[str, Any]:
        return {"type": "string"}


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean load_type?` if a known word is near, else nothing; a long word is not compared."""
    if len(word) > _COMPARED_CHARACTERS:
        return ""
    near = difflib.get_close_matches(word.casefold(), {name.casefold(): None for name in known}, n=1, cutoff=0.7)
    spelled = {name.casefold(): name for name in known}
    return f"; did you mean {spelled[near[0]]}?" if near else ""
