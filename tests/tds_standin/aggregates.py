"""T-SQL's aggregates, exact as SQL Server's."""

from __future__ import annotations

from typing import Any

from .functions import stored_decimal, t_divide, t_int, unscaled


class DecimalSum:
    """SUM of decimals, or AVG to a scale."""

    def __init__(self) -> None:
        self.total, self.count, self.average = 0, 0, -1

    def step(self, value: Any, average: int) -> None:
        if value is not None:
            self.total += unscaled(value)
            self.count += 1
            self.average = average

    def finalize(self) -> Any:
        if not self.count:
            return None
        if self.average < 0:
            return stored_decimal(self.total)
        magnitude = abs(self.total) // self.count // 10 ** (38 - self.average) * 10 ** (38 - self.average)
        return stored_decimal(-magnitude if self.total < 0 else magnitude)


class WholeSum:
    """SUM or AVG of whole numbers, with the limits of the type."""

    def __init__(self) -> None:
        self.total, self.count, self.name, self.average = 0, 0, "int", 0

    def step(self, value: Any, name: str, average: int) -> None:
        if value is not None:
            self.total += value
            self.count += 1
            self.name, self.average = name, average

    def finalize(self) -> Any:
        if not self.count:
            return None
        total = t_int(self.total, self.name)
        return t_divide(total, self.count) if self.average else total


class ChecksumSum:
    """CHECKSUM_AGG: here the exclusive or."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: Any) -> None:
        self.total ^= value or 0

    def finalize(self) -> int:
        return self.total


class StringSum:
    """STRING_AGG."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.separator = ""

    def step(self, value: Any, separator: Any) -> None:
        if value is not None:
            self.parts.append(value)
            self.separator = separator or ""

    def finalize(self) -> Any:
        return self.separator.join(self.parts) if self.parts else None
