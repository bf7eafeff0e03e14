"""Old records, states and schemas of a dataset go; what an attempt decides by them stays as it was.

What is older than the oldest record was committed, so records go in their order, the oldest first: whenever this breaks
off, no load of which files may be left is without its record while an older one has one. Before the first record goes,
each manifest is kept a second time, because a manifest that is lost is made again from the records.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from shared.lake.compaction import CompactingClient
from shared.lake.dataset import RECENT, SCHEMAS, written_at
from shared.lake.inventory import Inventory, LakeFile
from shared.lake.records import last_load
from shared.lake.transfer import remove


class MaintainingClient(CompactingClient):
    """A client that can also put its dataset in order. After `begin_attempt`."""

    def fold(self, keep_seconds: float, until: float) -> int:
        """Remove what is old of a dataset that is too large to be listed as a whole; returns the number of files.

        Args:
            keep_seconds: The age of records, states and schemas that stay.
            until: When to remove no further record, by `time.monotonic`; the next time continues.

        Raises:
            LeaseLostError: another run has taken the job over, or the lease is lost.
        """
        if self.session.inventory.window is None:
            return 0
        # as every attempt on the whole dataset: what no record names may not become older than all of them
        inventory = self._with_beginning(self.dataset.whole())
        self._clear_up(inventory)
        newest = self._newest_record()
        before = min(time.time() - keep_seconds, float(last_load(newest)["load_id"]))
        old = self._old_records(inventory, before)
        if not old:
            return 0
        others = self._old_states_and_schemas(inventory, newest.get("dataset", {}), before)
        self.session.before_commit()
        for table in sorted(inventory.manifests):
            self._keep_manifest(table)
        remove(self.fs_client, others)
        for number, path in enumerate(old):
            if time.monotonic() >= until:
                return number + len(others)
            self._delete_file(path)
        return len(old) + len(others)

    def _old_records(self, inventory: Inventory, before: float) -> list[str]:
        """The oldest first, with the blobs that keep a load from committing."""
        records = sorted((float(file.load_id), file.load_id) for file in inventory.records)[:-RECENT]
        void = ((float(load_id), load_id) for load_id in inventory.void)
        last = records[-1][0] if records else 0.0
        return [
            self._record_path(load_id) for moment, load_id in sorted((*records, *void)) if moment < min(before, last)
        ]

    def _old_states_and_schemas(self, inventory: Inventory, named: Mapping[str, Any], before: float) -> list[str]:
        newest = inventory.newest_state
        kept = {self.dataset.path + name for name in (named.get("state"), *named.get("schemas", ())) if name}
        kept |= {newest.path} if newest else set()
        schemas = sorted(inventory.schemas, key=lambda file: written_at(file.path))[:-SCHEMAS]
        old: list[LakeFile] = [file for file in inventory.states if float(file.load_id) < before]
        old += [file for file in schemas if written_at(file.path) < before]
        return [file.path for file in old if file.path not in kept]

    def _keep_manifest(self, table: str) -> None:
        manifest, kept = self._read_manifest(table), self._read_kept_manifest(table)
        if manifest:
            self._put(self._kept_manifest_path(table), manifest[0], kept and kept[1])
