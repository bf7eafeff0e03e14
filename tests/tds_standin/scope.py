"""What a query sees: the sources of its FROM clause, and what it compiles to."""

from __future__ import annotations

from dataclasses import dataclass, field

from .schema import Table
from .tokens import Output
from .values import Value


class Relation:
    """Something in a FROM clause."""

    def __init__(
        self, names: tuple[str, ...], columns: list[Value], table: Table | None = None, alias: str = ""
    ) -> None:
        self.table, self.alias = table, alias
        self.names = tuple(name.casefold() for name in names)
        self.columns = columns
        self.by_name: dict[str, list[Value]] = {}
        for column in columns:
            self.by_name.setdefault(column.name.casefold(), []).append(column)

    def answers_to(self, qualifier: tuple[str, ...]) -> bool:
        folded = tuple(part.casefold() for part in qualifier)
        return len(folded) <= len(self.names) and self.names[-len(folded) :] == folded


@dataclass
class Scope:
    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None


@dataclass
class Compiled:
    sql: str
    values: list[Value]

    @property
    def outputs(self) -> list[Output]:
        made = []
        for value in self.values:
            output = Output(value.name, value.kind, nullable=value.nullable, computed=value.column is None)
            if value.column:
                table, column = value.column
                output.identity = column.identity is not None
                output.table = (table.schema, table.name)
            made.append(output)
        return made
