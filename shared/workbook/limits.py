"""How much a workbook may hold, counted before anything of it is kept in memory.

A few kilobytes of a zip archive can unpack to millions of cells, merges or formats. Every part is passed through once
as a stream of XML events; the first limit that is crossed refuses the file with the part and, in a sheet, the cell.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from typing import IO
from xml.parsers import expat

from shared.errors.hierarchy import WorkbookError

DEFAULT_MAX_MEGABYTES = 20
"""The largest file, in MiB."""
MAX_PARTS = 2_000
MAX_SHEETS = 100
MAX_CELLS = 500_000
MAX_CELLS_OF_ROW = 20_000
MAX_ELEMENTS = 4_000_000
MAX_DEPTH = 64
MAX_TEXT = 40_000
"""Characters between two tags; Excel takes 32,767 in a cell."""
MAX_ATTRIBUTES = 400_000
"""Bytes of one element with its attributes."""
MAX_AREA = 200_000
"""Cells that all merges or all links of a sheet cover: each becomes a cell when the workbook is annotated."""
MAX_MERGES = 10_000

_COUNTED: Mapping[str, tuple[int, str]] = {
    "c": (MAX_CELLS, "cells"),
    "mergeCell": (MAX_MERGES, "merged ranges"),
    "xf": (70_000, "cell formats"),
    "font": (10_000, "fonts"),
    "fill": (10_000, "fills"),
    "border": (10_000, "borders"),
    "numFmt": (10_000, "number formats"),
    "dxf": (10_000, "conditional formats"),
    "cellStyle": (10_000, "cell styles"),
    "sheet": (MAX_SHEETS, "sheets"),
    "definedName": (10_000, "names"),
    "conditionalFormatting": (5_000, "conditional formats"),
    "cfRule": (10_000, "conditional formats"),
    "dataValidation": (5_000, "data validations"),
    "hyperlink": (20_000, "links"),
    "comment": (20_000, "comments"),
    "col": (20_000, "columns"),
    "si": (MAX_CELLS, "shared texts"),
    "Relationship": (20_000, "relationships"),
    "tableColumn": (20_000, "columns of tables"),
}
"""The most elements of a name in the whole file, with the word for them."""

_WITH_AREAS = ("mergeCell", "hyperlink", "f")
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")
_CHUNK = 1 << 16
_NAMESPACE = "\n"


def refuse_beyond_limits(archive: zipfile.ZipFile) -> None:
    """Pass through every part of a workbook.

    Raises:
        WorkbookError: a limit is crossed, or a part has a document type, by which entities are made.
    """
    names = archive.namelist()
    if len(names) > MAX_PARTS:
        raise WorkbookError(f"The file has {len(names):,} parts, at most {MAX_PARTS:,} are allowed.")
    count = _Count()
    for name in dict.fromkeys(names):  # of any name: a relation may call every part a sheet
        with archive.open(name) as part:
            _pass_through(part, name, count)


class _Count:
    """What was counted so far, over all parts."""

    def __init__(self) -> None:
        self.elements = 0
        self.of: dict[str, int] = {}

    def add(self, name: str, place: Callable[[], str]) -> None:
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise WorkbookError(f"The workbook has more than {MAX_ELEMENTS:,} XML elements, {place()}. {_WHAT_TO_DO}")
        if name not in _COUNTED:
            return
        self.of[name] = self.of.get(name, 0) + 1
        most, word = _COUNTED[name]
        if self.of[name] > most:
            raise WorkbookError(f"The workbook has more than {most:,} {word}, {place()}. {_WHAT_TO_DO}")


_WHAT_TO_DO = "Copy the rows into a new workbook, or remove what is not configuration."


class _Part:
    """One part, as its events come."""

    def __init__(self, name: str, count: _Count) -> None:
        self._name = name
        self._count = count
        self._depth = 0
        self._text = 0
        self._cells_of_row = 0
        self._areas: dict[str, int] = {}
        self._cell = ""
        self._seen = 0
        self._silent = 0

    def place(self) -> str:
        """Where the events are, for a message."""
        return f"in {self._name}" + (f" at {self._cell}" if self._cell else "")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(_NAMESPACE)[2]
        self._depth += 1
        self._text = 0
        if self._depth > MAX_DEPTH:
            raise WorkbookError(f"The workbook has XML of more than {MAX_DEPTH} levels, {self.place()}. {_WHAT_TO_DO}")
        if sum(map(len, attributes.values())) > MAX_ATTRIBUTES or len(attributes) > MAX_DEPTH:
            raise WorkbookError(f"The workbook has an XML element that is too long, {self.place()}. {_WHAT_TO_DO}")
        if name == "row":
            self._cells_of_row = 0
        elif name == "c":
            self._cell = attributes.get("r", "")[:12]
            self._cells_of_row += 1
            if self._cells_of_row > MAX_CELLS_OF_ROW:
                most = f"{MAX_CELLS_OF_ROW:,}"
                raise WorkbookError(f"A row has more than {most} cells, {self.place()}. {_WHAT_TO_DO}")
        elif name in _WITH_AREAS and "ref" in attributes:
            self._add_area(name, attributes["ref"])
        self._count.add(name, self.place)

    def end(self, _tag: str) -> None:
        self._depth -= 1
        self._text = 0

    def text(self, text: str) -> None:
        self._text += len(text)
        if self._text > MAX_TEXT:
            raise WorkbookError(f"A text has more than {MAX_TEXT:,} characters, {self.place()}. {_WHAT_TO_DO}")

    def pass_bytes(self, number: int) -> None:
        """Count what was read since the last event: an unfinished element is looked at again with each chunk."""
        self._silent = 0 if self._count.elements != self._seen else self._silent + number
        self._seen = self._count.elements
        if self._silent > MAX_ATTRIBUTES:
            raise WorkbookError(f"The workbook has an XML element that is too long, {self.place()}. {_WHAT_TO_DO}")

    def _add_area(self, name: str, reference: str) -> None:
        self._areas[name] = self._areas.get(name, 0) + _area(reference)
        if self._areas[name] > MAX_AREA:
            word = {"mergeCell": "merged ranges", "hyperlink": "links", "f": "formulas"}[name]
            last = f"the last is {reference[:40]} in {self._name}"
            raise WorkbookError(f"The {word} of a sheet cover more than {MAX_AREA:,} cells, {last}. {_WHAT_TO_DO}")


def _area(reference: str) -> int:
    """The cells of `A1:B2`; of what is no such range, more than is allowed."""
    found = _REFERENCE.fullmatch(reference.upper())
    if found is None:
        return MAX_AREA + 1
    left, top, right, bottom = found[1], int(found[2]), found[3] or found[1], int(found[4] or found[2])
    return (abs(_column(right) - _column(left)) + 1) * (abs(bottom - top) + 1)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _pass_through(source: IO[bytes], name: str, count: _Count) -> None:
    """Parse a part for its events alone. What is not XML is left to who reads it: nothing here takes it for XML."""
    part = _Part(name, count)

    def refuse(*_: object) -> None:
        raise WorkbookError("The workbook holds an XML document type, which no spreadsheet program writes.")

    parser = expat.ParserCreate(namespace_separator=_NAMESPACE)
    parser.buffer_text = False
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = part.start
    parser.EndElementHandler = part.end
    parser.CharacterDataHandler = part.text
    try:
        while chunk := source.read(_CHUNK):
            parser.Parse(chunk)
            part.pass_bytes(len(chunk))
    except expat.ExpatError:
        return
