"""A range of watermarks that is loaded again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ValueRange:
    """The rows whose `column` holds `start` or more and less than `end`; both are values of the column's type."""

    column: str
    start: Any
    end: Any
