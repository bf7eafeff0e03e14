"""What running a batch comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .tokens import Output, SqlError


@dataclass
class Rows:
    """A result: its columns, and its rows in portions."""

    columns: list[Output]
    portions: Iterable[Sequence[Sequence[Any]]]
    sent: int = 0


@dataclass
class Done:
    """The end of a statement."""

    command: int = 0
    count: int | None = None


@dataclass
class Problem:
    error: SqlError


@dataclass
class Info:
    number: int
    text: str
    level: int = 0


@dataclass
class Changed:
    """Something of the session's environment: the tokens that say so."""

    data: bytes


@dataclass
class Results:
    """What a procedure gives in addition to rows."""

    status: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)


Event = Rows | Done | Problem | Info | Changed
