"""What a parsed batch is made of: statements, queries, expressions and sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Expression = tuple[Any, ...]


Source = tuple[Any, ...]


class Statement:
    """A statement: what it is, and its parts as attributes."""

    def __init__(self, op: str, **parts: Any) -> None:
        self.op: str = op
        self.__dict__.update(parts)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value


@dataclass
class Select:
    items: list[tuple[Expression, str | None]] = field(default_factory=list)
    source: Source | None = None
    where: Expression | None = None
    group: list[Expression] = field(default_factory=list)
    having: Expression | None = None
    order: list[tuple[Expression, bool]] = field(default_factory=list)
    top: Expression | None = None
    percent: bool = False
    offset: Expression | None = None
    fetch: Expression | None = None
    distinct: bool = False
    into: tuple[str, ...] | None = None
    ctes: list[tuple[str, list[str], Select]] = field(default_factory=list)
    combined: list[tuple[str, Select]] = field(default_factory=list)
    rows: list[list[Expression]] = field(default_factory=list)
    """Of VALUES, which has nothing else."""
    assigns: bool = False
