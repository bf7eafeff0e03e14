"""The errors of values that cannot be converted."""

from __future__ import annotations

from typing import Any

from .kinds import Kind
from .tokens import SqlError


def failure(source: Kind, target: Kind, value: Any) -> SqlError:
    return SqlError(
        245, f"Conversion failed when converting the {source.name} value '{value}' to data type {target.name}."
    )  # fmt: skip


def overflow(target: Kind) -> SqlError:
    return SqlError(8115, f"Arithmetic overflow error converting expression to data type {target.name}.", state=2)


def no_way(source: Kind, target: Kind) -> SqlError:
    return SqlError(529, f"Explicit conversion from data type {source.name} to {target.name} is not allowed.", state=2)
