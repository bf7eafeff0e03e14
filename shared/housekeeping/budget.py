"""How much one tick may remove."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class Budget:
    """Removals that are left to a tick; the next tick continues there."""

    left: int

    def spend(self, items: Iterable[Item]) -> Iterator[Item]:
        """As many of the items as may still be removed."""
        if self.left <= 0:  # asked before the first item, which may cost a request
            return
        for item in items:
            self.left -= 1
            yield item
            if self.left <= 0:
                return
