"""The files of a dataset, and the verdict which loads they belong to; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from shared.errors.hierarchy import ClockError
from shared.jobs.load_times import Window


@dataclass(frozen=True)
class LakeFile:
    """One file of a load: a data file, dlt's state or schema, or the record that commits the load."""

    path: str
    table: str
    load_id: str
    size: int


@dataclass(frozen=True)
class Inventory:
    """The files of a dataset, sorted by what they are for.

    Load ids are seconds since 1970 as text, so they compare by time. What is older than the oldest record was
    committed before `_dlt_loads` was pruned, and is not touched, unless that record is of the dataset's first load, and
    `is_whole`. `void` are the loads that may never commit: an empty
    blob is in the place of their record. `manifests` are the tables that have one. `schemas` are
    dlt's, which belong to no load; `initialized` says that dlt's mark is in the folder. With a `window` nothing is
    listed that is older than the oldest record: it was decided long ago. `last_record` is the newest record's content,
    if the inventory was made with it.
    """

    data: tuple[LakeFile, ...] = ()
    states: tuple[LakeFile, ...] = ()
    records: tuple[LakeFile, ...] = ()
    delta_tables: frozenset[str] = frozenset()
    void: frozenset[str] = frozenset()
    manifests: frozenset[str] = frozenset()
    schemas: tuple[LakeFile, ...] = ()
    initialized: bool = False
    is_whole: bool = False
    window: Window | None = None
    last_record: Mapping[str, Any] | None = None

    @property
    def newest_record(self) -> LakeFile | None:
        """The record of the last committed load."""
        return max(self.records, key=lambda file: float(file.load_id), default=None)

    @property
    def newest_state(self) -> LakeFile | None:
        """Dlt's state as of the last committed load that changed it."""
        committed = [file for file in self.states if self.committed(file.load_id)]
        return max(committed, key=lambda file: float(file.load_id), default=None)

    def committed(self, load_id: str) -> bool:
        """Whether a load was committed. Each call takes the same time, however many loads there are."""
        if load_id in self.void:
            return False
        return load_id in self._recorded or (not self.is_whole and float(load_id) < self._oldest_time)

    @property
    def oldest_record(self) -> LakeFile | None:
        """The record of the first load that still has one."""
        return min(self.records, key=lambda file: float(file.load_id), default=None)

    @property
    def has_older(self) -> bool:
        """Whether data or states are older than every record."""
        return any(float(file.load_id) < self._oldest_time for file in (*self.data, *self.states))

    @cached_property
    def _recorded(self) -> frozenset[str]:
        return frozenset(file.load_id for file in self.records)

    @cached_property
    def _oldest_time(self) -> float:
        return min(map(float, self._recorded), default=-math.inf)

    def abandoned(self) -> list[LakeFile]:
        """Data and state files of loads that never committed."""
        return [file for file in (*self.data, *self.states) if not self.committed(file.load_id)]


def refuse_earlier(load_id: str, last_load_id: str) -> None:
    """Keep a load from being older than the last one: the order of loads is that of their ids.

    Raises:
        ClockError: it is; a clock was wrong then or is now.
    """
    if float(load_id) <= float(last_load_id):
        here, there = (
            datetime.fromtimestamp(float(moment), UTC).isoformat(timespec="seconds")
            for moment in (load_id, last_load_id)
        )
        raise ClockError(
            f"It is {here} by the clock of this machine, but the last load of the table was made at {there}: loads "
            "are ordered by their time. Set the clock, or wait until it has passed that moment."
        )
