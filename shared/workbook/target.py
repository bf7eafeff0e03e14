"""What the rows of a discovery have in common: the app decides it, and a child process fills in the workbook."""

from __future__ import annotations

from dataclasses import dataclass

from shared.jobs.proposals import NIGHTLY
from shared.jobs.source_types import SOURCE_TYPES


@dataclass(frozen=True)
class Target:
    """What the new rows have in common.

    Attributes:
        source_name, source_type: The source.
        like: Which tables were asked for.
        container, folder: Where the tables go; None for where the source's other rows go, or a place by its name.
        schedules: Those of `NIGHTLY` and `HOURLY` that the app's timer is fine enough for.
    """

    source_name: str
    source_type: str
    like: str = "*"
    container: str | None = None
    folder: str | None = None
    schedules: frozenset[str] = frozenset({NIGHTLY})

    @property
    def is_database(self) -> bool:
        """Whether the source has tables."""
        return SOURCE_TYPES[self.source_type].is_database
