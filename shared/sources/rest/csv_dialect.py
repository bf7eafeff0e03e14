"""CSV as it comes: which delimiter and quote a file uses, and whether its first line names the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from shared.errors.hierarchy import SourceError

_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_TRIED = (",", ";", "\t", "|")
_LOOKED_AT = 100  # lines by which a delimiter is recognised
_TAB_TYPES = ("text/tab-separated-values", "text/tsv")


@dataclass(frozen=True)
class CsvLines:
    """The lines of a file: its columns' names, its rows, and the number of the first row's line."""

    names: list[str]
    rows: list[list[str]]
    first_row: int


def csv_lines(place: str, text: str, options: Mapping[str, str], content_type: str) -> CsvLines:
    """The lines of a CSV text.

    Args:
        place: The request, for messages.
        text: The file.
        options: `delimiter`, `quote`, `header` (N if the first line is a row) and `skip` (lines before the header).
        content_type: The declared type; that of tab-separated values names the delimiter.

    Raises:
        csv.Error: a line is not CSV.
        SourceError: the delimiter cannot be recognised.
    """
    skipped = int(options.get("skip", "0"))
    lines = io.StringIO(text, newline="")
    for _ in range(skipped):
        lines.readline()
    text = lines.read()
    delimiter = _NAMES.get(options.get("delimiter", ""), options.get("delimiter", ""))
    if text[:4].lower() == "sep=" and len(text.split("\n", 1)[0].rstrip()) == 5:  # Excel's way to name it
        delimiter, text, skipped = delimiter or text[4], text.split("\n", 1)[1], skipped + 1
    quote = options.get("quote", '"')
    quote = "" if quote == "none" else quote
    delimiter = delimiter or ("\t" if content_type in _TAB_TYPES else _recognised(place, text, quote))
    rows = [row for row in _reader(text, delimiter, quote) if row]
    if not rows:
        raise SourceError(f"{place} gave CSV without a single line, where a header was expected.")
    if options.get("header", "Y") == "N":
        names = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
        return CsvLines(names, rows, skipped + 1)
    names, rows = rows[0], rows[1:]
    if names[-1] == "" and all(
        row[-1] == "" for row in rows if len(row) == len(names)
    ):  # each line ends in a delimiter
        names, rows = names[:-1], [row[:-1] if len(row) == len(names) else row for row in rows]
    if nameless := [number for number, name in enumerate(names, 1) if not name.strip()]:
        raise SourceError(f"{place} gave CSV whose column {nameless[0]} has no name.")
    return CsvLines(names, rows, skipped + 2)


def _recognised(place: str, text: str, quote: str) -> str:
    """The one delimiter that cuts the first lines into the same number of columns; a comma if none cuts at all."""
    cutting = []
    for delimiter in _TRIED:
        try:
            widths = {len(row) for row in islice(_reader(text, delimiter, quote), _LOOKED_AT) if row}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            cutting.append(delimiter)
    if len(cutting) > 1 and "," in cutting and _header_width(text, ",", quote) < 2:
        cutting.remove(",")
    if len(cutting) > 1:
        shown = ", ".join("tab" if one == "\t" else one for one in cutting)
        raise SourceError(
            f"{place} gave CSV that may be delimited by any of {shown}; name the right one in api_format_options, "
            "such as "
            "delimiter=;."
        )
    if cutting:
        return cutting[0]
    wide = [one for one in _TRIED if _header_width(text, one, quote) > 1]
    return wide[0] if len(wide) == 1 else ","


def _header_width(text: str, delimiter: str, quote: str) -> int:
    try:
        return len(next(_reader(text, delimiter, quote), []))
    except csv.Error:
        return 0


def _reader(text: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    lines = io.StringIO(text, newline="")
    if not quote:
        return csv.reader(lines, strict=True, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, strict=True, delimiter=delimiter, quotechar=quote)
