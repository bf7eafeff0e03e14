"""Load ids are times: seconds since 1970, by whose first digits a storage lists the loads of some days; pure."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST, _AFTER = 1_000_000_000, 10_000_000_000  # the times that have ten digits: from 2001 until 2286


@dataclass(frozen=True)
class Window:
    """A time from which on loads are listed."""

    since: float
    """Seconds since 1970."""

    unit: int
    """Seconds, a power of ten: the times that share their first digits."""

    @classmethod
    def between(cls, since: float, until: float) -> Window:
        """The window with the least unit that is no shorter than the time between."""
        unit = 1
        while unit < until - since:
            unit *= 10
        return cls(since, unit)

    @property
    def is_all(self) -> bool:
        """Whether it goes back to times that have fewer digits: nothing is left out."""
        return self.since < _FIRST

    def first_digits(self, until: float) -> list[str]:
        """Those of every time from the window's beginning until another, and of no time a unit before or after."""
        if self.is_all or until >= _AFTER:
            return [""]
        return [str(number) for number in range(int(self.since // self.unit), int(until // self.unit) + 1)]
