"""A filesystem client that lists its dataset once: dlt asks the storage some thirty times in a small load.

No other process changes what an attempt finds in its dataset: no two jobs share a dataset, and the job's lease
is held. Small files are written in one request instead of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.json import json
from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION, FILENAME_SEPARATOR, FilesystemClient

from shared.lake.inventory import Inventory, LakeFile
from shared.lake.load import BeforeCommit, LoadOrder, Written
from shared.lake.load_jobs import started


@dataclass
class LoadSession:
    """What the clients of one attempt share: dlt makes several of them."""

    before_commit: BeforeCommit

    inventory: Inventory = field(default_factory=Inventory)
    """The files of the dataset when the attempt began."""

    order: LoadOrder = field(default_factory=LoadOrder)
    """Set before dlt writes anything."""

    written: dict[str, Written] = field(default_factory=dict)
    """What the load has written so far, by table."""

    state: LakeFile | None = None
    """dlt's state, if the load has written one."""


class ListedClient(FilesystemClient):
    """dlt's filesystem client, answered from the inventory where dlt would ask the storage."""

    session: ClassVar[LoadSession]

    def initialize_storage(self, truncate_tables: Any = None) -> None:  # noqa: ARG002
        """Mark the dataset's folder as dlt's; what dlt would truncate here stays until the new load is committed."""
        if not self.is_storage_initialized():
            initial, current = self.get_storage_versions()
            self._write_to_json_file(self.init_file_path, {"initial_version": initial, "current_version": current})
            self.session.inventory = replace(self.session.inventory, initialized=True)

    def is_storage_initialized(self) -> bool:
        """Whether dlt's mark is in the dataset's folder."""
        return self.session.inventory.initialized

    def get_storage_versions(self) -> tuple[int, int]:
        """Dlt's version of the storage; an older one differs in compressed JSON only, which is not written here."""
        return CURRENT_VERSION, CURRENT_VERSION

    def get_load_job_class(self, table: PreparedTableSchema, file_path: str) -> type[LoadJob]:
        """The class of the job that loads a file."""
        return started(super().get_load_job_class(table, file_path))

    def _list_dlt_table_files(
        self, table_name: str, pipeline_name: str | None = None
    ) -> Iterator[tuple[str, list[str]]]:
        """Path and name, load id and hash of every file of a table of dlt's own."""
        inventory = self.session.inventory
        files = inventory.states if table_name == self.schema.state_table_name else inventory.schemas
        for file in files:
            parts = self.pathlib.basename(file.path).removesuffix(".jsonl").rsplit(FILENAME_SEPARATOR, maxsplit=2)
            if len(parts) == 3 and pipeline_name in (None, parts[0]):
                yield file.path, parts

    def _write_to_json_file(self, filepath: str, data: Any) -> None:
        content = json.dumpb(data)
        self.fs_client.pipe_file(filepath, content)
        schemas, states = self.schema.version_table_name, self.schema.state_table_name
        if filepath.startswith(self.get_table_dir(schemas)):
            written = LakeFile(filepath, schemas, "", len(content))
            self.session.inventory = replace(self.session.inventory, schemas=(*self.session.inventory.schemas, written))
        elif filepath.startswith(self.get_table_dir(states)):
            load_id = self.pathlib.basename(filepath).split(FILENAME_SEPARATOR)[1]
            self.session.state = LakeFile(filepath, states, load_id, len(content))
