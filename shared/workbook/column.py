"""How a column and a sheet are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.models.shape import Shape
from shared.workbook.kinds import Kind


@dataclass(frozen=True)
class When:
    """The rows for which something holds: those whose `column` has one of `values`."""

    column: str
    values: tuple[str, ...]

    def holds(self, row: Mapping[str, object]) -> bool:
        """Whether it holds for a row of typed values."""
        return row.get(self.column) in self.values

    def __str__(self) -> str:
        return f"{self.column} is {' or '.join(self.values)}"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: The header in the sheet.
        kind: Which values it takes.
        help: What it is for, in a sentence or two for the person who fills it in.
        example: A value as a user would type it.
        required: Whether a value is required: always, never, or for some rows.
        applies: The rows for which it has a meaning; elsewhere a value is ignored, with a warning. None: all.
        field: The field of the sheet's model, if its name is not the column's.
    """

    name: str
    kind: Kind
    help: str
    example: str | int | float
    required: bool | When = False
    applies: When | None = None
    field: str = ""

    def is_required(self, row: Mapping[str, object]) -> bool:
        """Whether a row of typed values must have it."""
        return self.required.holds(row) if isinstance(self.required, When) else self.required


@dataclass(frozen=True)
class SheetSpec:
    """One sheet: its name, its columns in the template's order (the first names a row), and a row's model."""

    name: str
    model: type[Shape]
    columns: tuple[Column, ...]
    help: str

    @property
    def key(self) -> Column:
        """The column that names a row."""
        return self.columns[0]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The value of a blank cell by column name, for the columns that have one; it comes from the model."""
        known = self.model.model_fields
        fields = ((one.name, known[one.field or one.name]) for one in self.columns if (one.field or one.name) in known)
        return {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}
