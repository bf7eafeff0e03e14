"""The files of a dataset, and the verdict which loads they belong to; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LakeFile:
    """One file of a load: a data file, dlt's state, or the record that commits the load."""

    path: str
    table: str
    load_id: str
    size: int


@dataclass(frozen=True)
class Inventory:
    """The files of a dataset, sorted by what they are for.

    Load ids are seconds since 1970 as text, so they compare by time. What is older than the oldest record was
    committed before somebody pruned `_dlt_loads`, and is not touched.
    """

    data: tuple[LakeFile, ...]
    states: tuple[LakeFile, ...]
    records: tuple[LakeFile, ...]
    delta_tables: frozenset[str]

    @property
    def newest_record(self) -> LakeFile | None:
        """The record of the last committed load."""
        return max(self.records, key=lambda file: float(file.load_id), default=None)

    def committed(self, load_id: str) -> bool:
        """Whether a load was committed."""
        known = {file.load_id for file in self.records}
        return load_id in known or (bool(known) and float(load_id) < min(map(float, known)))

    def abandoned(self) -> list[LakeFile]:
        """Data and state files of loads that never committed."""
        return [file for file in (*self.data, *self.states) if not self.committed(file.load_id)]
