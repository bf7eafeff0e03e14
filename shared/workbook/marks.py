"""Comments of ours at cells, in a colour, which can be taken away again without the user's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from openpyxl.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.workbook import Workbook

from shared.workbook.layout import note


def fill(colour: str) -> PatternFill:
    """A solid fill of a colour, `FFRRGGBB`."""
    return PatternFill("solid", start_color=colour, end_color=colour)


@dataclass(frozen=True)
class Marks:
    """The comments of one author, each below a line with a title that separates them from a user's comment.

    Attributes:
        title: What the line says.
        colours: The colours in which cells are marked.
    """

    title: str
    colours: frozenset[str]

    def put(self, cell: Cell | MergedCell, text: str, colour: str | None = None) -> None:
        """Add to the comment of a cell, and colour it; cells merged into another one are shown by that one."""
        if isinstance(cell, MergedCell):
            return
        if colour:
            cell.fill = fill(colour)
        before = f"{cell.comment.text.rstrip()}\n" if cell.comment else ""
        line = "" if self._line in before else self._line
        cell.comment = note(before + line + text, self.title)

    def clear(self, workbook: Workbook) -> None:
        """Remove all of these comments and colours; what a user wrote stays."""
        ours = re.compile(rf"{re.escape(self._line)}.*?(?=^— \w+ —$|\Z)", re.DOTALL | re.MULTILINE)
        for sheet in workbook.worksheets:
            for cell in list(sheet._cells.values()):  # iter_rows would make every cell up to the last one
                if not isinstance(cell, Cell) or cell.comment is None or self._line not in cell.comment.text:
                    continue
                rest = ours.sub("", cell.comment.text).rstrip()
                cell.comment = Comment(rest, cell.comment.author) if rest else None
                if cell.fill.start_color.rgb in self.colours:
                    cell.fill = PatternFill()

    @property
    def _line(self) -> str:
        return f"— {self.title} —\n"
