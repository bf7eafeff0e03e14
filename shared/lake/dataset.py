"""The inventory of one dataset: all of a small one by one listing, and of a large one what the last loads have left.

A load that has a record is committed, and what is older than the oldest record that is known was decided before. So it
is enough to list from some older record on, and which one makes no difference to what is committed: the further back,
the longer a file is noticed that arrives after its load was given up. What the listing of a large dataset leaves out,
such as dlt's state, the record of its last load names.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dlt.destinations.impl.filesystem.filesystem import FILENAME_SEPARATOR

from shared.jobs.lake_layout import STAGE
from shared.jobs.load_times import Window
from shared.lake.inventory import Inventory, LakeFile
from shared.lake.listing import Found, beginning_with, below, first_page, which_exist
from shared.lake.manifest import MANIFEST

SMALL = 100
"""Files of a dataset that is listed as a whole."""

RECENT = 3
"""Committed loads that a listing of a large dataset goes back at least."""

SCHEMAS = 20
"""Of dlt, the newest, that the next load is to know of."""

_UNITS = [10**exponent for exponent in range(4, 10)]  # seconds of windows, tried until one has enough loads
_AHEAD = 600  # seconds that clocks differ
_DATA_FILE = re.compile(r"(?P<load_id>\d+\.\d+)\.[^.]+\..+")  # {load_id}.{file_id}.{extension}
_DELTA_LOG = "/_delta_log/"


@dataclass(frozen=True)
class Dataset:
    """Where the files of one job are."""

    files: Any
    """The storage, as fsspec sees it."""

    path: str
    """With a slash at the end."""

    own_tables: tuple[str, str, str]
    """dlt's own: of records, states and schemas."""

    mark: str
    """The path of the file by which dlt knows a dataset."""

    def inventory(self) -> Inventory:
        """The files as they are now. Files that no load wrote are left out."""
        found, is_all = first_page(self.files, self.path, SMALL)
        if is_all:
            return self._sorted(found)
        return self._recent() or self.whole()

    def at_commit(self, known: Inventory, load_id: str, tables: Iterable[str]) -> Inventory:
        """The records and the files of a load that are there now; and more, where one listing has it.

        Args:
            known: The inventory when the attempt began.
            load_id: The load.
            tables: The tables that it may have written.
        """
        if known.window is None:
            return self.whole()
        starts = [f"{self._records}{digits}" for digits in known.window.first_digits(time.time() + _AHEAD)]
        starts += [f"{self.path}{table}/{load_id}." for table in tables]
        listed = self._sorted(beginning_with(self.files, starts))
        return replace(known, records=listed.records, void=listed.void, data=listed.data)

    def whole(self) -> Inventory:
        """All files, however many there are."""
        return self._sorted(beginning_with(self.files, [self.path]))

    def files_of(self, table: str, load_ids: Iterable[str] = ("",)) -> list[LakeFile]:
        """The files of a table, of all loads or of some."""
        return self._files(beginning_with(self.files, [f"{self.path}{table}/{load_id}" for load_id in load_ids]))

    def record_path(self, load_id: str) -> str:
        """Where the record of a load is, or was, or would be."""
        return f"{self._records}{load_id}.jsonl"

    def named(self, inventory: Inventory, state: LakeFile | None) -> dict[str, Any]:
        """What a record says of the dataset, so that the next load need not look for it.

        Args:
            inventory: The inventory, with the tables that the load has written.
            state: dlt's state after the load.
        """
        schemas = sorted(file.path[len(self.path) :] for file in inventory.schemas)
        return {
            "state": state.path[len(self.path) :] if state else None,
            "schemas": sorted(schemas, key=written_at)[-SCHEMAS:],
            "tables": sorted(inventory.manifests),
            "delta_tables": sorted(inventory.delta_tables),
        }

    @property
    def _records(self) -> str:
        return f"{self.path}{self.own_tables[0]}/load{FILENAME_SEPARATOR}"

    def _recent(self) -> Inventory | None:
        """What the last loads have left; None if their listing would be that of everything, or no record names more."""
        now = time.time()
        for unit in _UNITS:
            listed = self._listed(Window(now - unit, unit), now)
            if len(listed.records) >= RECENT:
                break
        else:
            return None
        newest = listed.newest_record
        record = json.loads(self.files.cat_file(newest.path)) if newest else {}
        if "dataset" not in record:  # of an earlier version of the app
            return None
        return self._since(Window(min(map(_time, listed.records)), unit), now, listed, record)

    def _listed(self, window: Window, now: float) -> Inventory:
        starts = [f"{self._records}{digits}" for digits in window.first_digits(now + _AHEAD)]
        return self._sorted(beginning_with(self.files, starts))

    def _since(self, window: Window, now: float, listed: Inventory, record: Mapping[str, Any]) -> Inventory:
        named = record["dataset"]
        _, folders = below(self.files, self.path)
        tables = set(folders) - {*self.own_tables, STAGE}
        unknown = sorted(tables - {*named["tables"], *named["delta_tables"]})
        logs = which_exist(self.files, [f"{self.path}{table}{_DELTA_LOG}" for table in unknown]) if unknown else []
        delta = frozenset({*named["delta_tables"], *map(self._table_of, logs)})
        plain = sorted(tables - delta)
        starts = [f"{self.path}{table}/{digits}" for table in plain for digits in window.first_digits(now + _AHEAD)]
        data = [file for file in self._files(beginning_with(self.files, starts)) if _time(file) >= window.since]
        states = [named["state"]] if named["state"] else []
        inventory = replace(
            listed,
            data=tuple(data),
            states=tuple(self._files({f"{self.path}{name}": {"size": 1} for name in states})),
            schemas=tuple(self._files({f"{self.path}{name}": {"size": 1} for name in named["schemas"]})),
            delta_tables=delta,
            manifests=frozenset(named["tables"]),
            initialized=True,
            window=window,
            last_record=record,
        )
        return self._with_lost_states(inventory)

    def _with_lost_states(self, inventory: Inventory) -> Inventory:
        """The inventory with the states of loads that broke off, if any has left data."""
        lost = {file.load_id for file in inventory.abandoned()}
        states = [file for file in self.files_of(self.own_tables[1]) if file.load_id in lost] if lost else []
        return replace(inventory, states=(*inventory.states, *states))

    def _sorted(self, found: Found) -> Inventory:
        files = self._files(found)
        loads, states, schemas = self.own_tables
        records = [file for file in files if file.table == loads]
        return Inventory(
            data=tuple(file for file in files if file.table not in self.own_tables),
            states=tuple(file for file in files if file.table == states),
            records=tuple(file for file in records if file.size),
            delta_tables=frozenset(self._table_of(path) for path in found if _DELTA_LOG in path),
            void=frozenset(file.load_id for file in records if not file.size),
            manifests=frozenset(self._table_of(path) for path in found if path.endswith(f"/{MANIFEST}")),
            schemas=tuple(file for file in files if file.table == schemas),
            initialized=self.mark in found,
        )

    def _files(self, found: Found) -> list[LakeFile]:
        return [file for path, details in found.items() if (file := self._file(path, details["size"]))]

    def _file(self, path: str, size: int) -> LakeFile | None:
        table, _, name = path[len(self.path) :].partition("/")
        if table in self.own_tables:
            parts = name.removesuffix(".jsonl").split(FILENAME_SEPARATOR)  # {name}__{load_id}[__{hash}].jsonl
            return LakeFile(path, table, parts[1], size) if len(parts) > 1 else None
        match = _DATA_FILE.fullmatch(name)
        return LakeFile(path, table, match["load_id"], size) if match else None

    def _table_of(self, path: str) -> str:
        return path[len(self.path) :].partition("/")[0]


def _time(file: LakeFile) -> float:
    return float(file.load_id)


def written_at(schema: str) -> float:
    """The time in the name of one of dlt's schemas: `{name}__{time}__{hash}.jsonl`."""
    return float(schema.split(FILENAME_SEPARATOR)[-2])
