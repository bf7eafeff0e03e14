"""Kinds that only the columns of API jobs have."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.jobs.api_paths import stays_below
from shared.workbook.kinds import InvalidCellError, did_you_mean
from shared.workbook.structured_kinds import Parameters

_DELIMITERS = ("tab", "comma", "semicolon", "pipe", "space")


def _is_encoding(value: str) -> bool:
    try:
        codecs.lookup(value)
    except LookupError:
        return False
    return True


def _is_path(value: str) -> bool:
    return bool(value) and not re.search(r"\s", value) and not value.startswith("//") and stays_below(value)


FORMAT_OPTIONS: dict[str, tuple[Callable[[str], bool], str]] = {
    "encoding": (_is_encoding, "is not a charset that is known, such as windows-1252"),
    "delimiter": (lambda value: len(value) == 1 or value in _DELIMITERS, "is not one character, or tab"),
    "quote": (lambda value: len(value) == 1 or value == "none", "is not one character, or none"),
    "header": (lambda value: value in ("Y", "N"), "is not Y or N"),
    "skip": (lambda value: value.isdigit(), "is not a number of lines"),
    "sheet": (bool, "is not the name of a sheet"),
    "member": (bool, "is not the name of a file, or a pattern like *.csv"),
}
"""The names of `api_format_options`, with what a value must be."""

EXPORT_OPTIONS: dict[str, tuple[Callable[[str], bool], str]] = {
    "id": (_is_path, "is not a JSON path like data.id"),
    "status": (_is_path, "is neither a path like /exports/{export} nor a JSON path of an address"),
    "state": (_is_path, "is not a JSON path like status"),
    "done": (bool, "is not a list of words like finished,ready"),
    "failed": (bool, "is not a list of words like broken,cancelled"),
    "file": (_is_path, "is neither a path like /exports/{export}/rows nor a JSON path of addresses"),
}
"""The names of `api_export`, with what a value must be."""


@dataclass(frozen=True)
class Options:
    """Names of a fixed list with their values, as `a=1&b=2`.

    Attributes:
        known: The names, each with the test of its value and what a wrong one is.
    """

    known: Mapping[str, tuple[Callable[[str], bool], str]]
    label: str = "a=1&b=2"
    allowed: tuple[str, ...] = ()
    max_length: int = 8_000

    def parse(self, value: object) -> dict[str, str]:
        """The options of a cell. Raises InvalidCellError."""
        options = Parameters().parse(value)
        for name, text in options.items():
            if name not in self.known:
                raise InvalidCellError(
                    f"names '{name}', which is not one of {', '.join(self.known)}{did_you_mean(name, list(self.known))}"
                )
            fits, rule = self.known[name]
            if not fits(text):
                raise InvalidCellError(f"has '{text}' for {name}, which {rule}")
        return options

    def schema(self) -> Mapping[str, Any]:
        """A text."""
        return {"type": "string"}
