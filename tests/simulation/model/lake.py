"""The lake's own commit protocol without dlt's pipeline: files of a few rows instead of Parquet."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from shared.jobs.lake_layout import bucket_path, dataset_name, pipeline_name
from shared.lake.folding import MaintainingClient
from shared.lake.inventory import LakeFile
from shared.lake.listed import LoadSession
from shared.lake.load import BeforeCommit
from shared.lake.manifest import KEPT_MANIFEST, MANIFEST
from shared.models.job import Job
from tests.simulation.model.sources import Row
from tests.simulation.storage.lake_files import LakeFiles

_SCHEMA = SimpleNamespace(
    name="lake",
    loads_table_name="_dlt_loads",
    state_table_name="_dlt_pipeline_state",
    version_table_name="_dlt_version",
    version_hash="hash",
    stored_version_hash="hash",
)


class ModelClient(MaintainingClient):
    """`MaintainingClient` as it is, but for what dlt's pipeline would hand to it.

    Args:
        files: The lake's storage.
        job: Whose dataset it is.
        before_commit: Called right before the commit.
    """

    def __init__(self, files: LakeFiles, job: Job, before_commit: BeforeCommit) -> None:
        self.fs_client = files
        self.pathlib = posixpath
        self.schema: Any = _SCHEMA
        self.bucket_path, self.dataset_name = bucket_path(job), dataset_name(job)
        self.session = LoadSession(before_commit)  # type: ignore[misc]  # of a class for each load in the app
        self.replaces = False
        self.next_state: Mapping[str, Any] = {}
        self._pipeline_name = pipeline_name(job.job_id)

    def write_rows(self, table: str, load_id: str, number: int, rows: Sequence[Row]) -> None:
        """Write a data file of a load."""
        path = posixpath.join(self.dataset_path, table, f"{load_id}.{number}.parquet")
        self.fs_client.pipe_file(path, json.dumps(rows).encode())

    def get_table_dir(self, table_name: str, remote: bool = False, schema_name: str | None = None) -> str:
        return posixpath.join(self.dataset_path, table_name, "")

    def prepare_load_table(self, table_name: str) -> Any:
        return {"write_disposition": "replace" if self.replaces else "append"}

    def _store_current_state(self, load_id: str) -> None:
        """The state of dlt's pipeline, where its class for filesystems puts it."""
        state = {"pipeline_name": self._pipeline_name, "state": self.next_state, "version": 1, "engine_version": 1}
        state |= {"created_at": load_id, "version_hash": "hash", "_dlt_load_id": load_id}
        name = f"{self._pipeline_name}__{load_id}__hash.jsonl"
        self._write_to_json_file(posixpath.join(self.get_table_dir(_SCHEMA.state_table_name), name), state)

    def _measured(self, file: LakeFile) -> dict[str, Any]:
        folder = posixpath.join(self.dataset_path, file.table, "")
        rows = len(json.loads(self.fs_client.cat_file(file.path)))
        return {"path": file.path[len(folder) :], "rows": rows, "bytes": file.size}


class Reader:
    """What a reader finds in the lake."""

    def __init__(self, blobs: Mapping[str, Any], job: Job) -> None:
        self._blobs = blobs
        folder = f"{job.target_folder_path.strip('/')}/{dataset_name(job)}"
        self._records_folder = f"{folder}/_dlt_loads/"
        self._table = f"{folder}/{job.resource_name}/"

    def records(self) -> list[dict[str, Any]]:
        """The records of the committed loads, the oldest first."""
        found = [
            json.loads(blob.content)
            for name, blob in self._blobs.items()
            if name.startswith(self._records_folder) and blob.content
        ]
        return sorted(found, key=lambda record: float(record["load_id"]))

    def committed_rows(self, records: Sequence[Mapping[str, Any]]) -> list[Row] | None:
        """The rows that the records add up to; None if a file is gone."""
        names: list[str] = []
        for record in records:
            for load in record["tables"].values():
                names = [] if load["replaced"] else names
                names += [file["path"] for file in load["files"]]
        return self._rows(names)

    def manifest_rows(self) -> list[Row] | None:
        """The rows that the manifest names; None if there is no manifest, or a file of it is gone."""
        manifest = self._blobs.get(f"{self._table}_manifest.json")
        if manifest is None:
            return None
        return self._rows([file["path"] for file in json.loads(manifest.content)["files"]])

    def manifest_files(self) -> set[str]:
        """The names of the files that the manifest names."""
        manifest = self._blobs.get(f"{self._table}_manifest.json")
        return {file["path"] for file in json.loads(manifest.content)["files"]} if manifest else set()

    def data_files(self) -> set[str]:
        """The names of all data files."""
        return {name[len(self._table) :] for name in self._blobs if name.startswith(self._table)} - {
            MANIFEST,
            KEPT_MANIFEST,
        }

    def _rows(self, names: Sequence[str]) -> list[Row] | None:
        rows: list[Row] = []
        for name in names:
            blob = self._blobs.get(f"{self._table}{name}")
            if blob is None:
                return None
            rows += [(first, second) for first, second in json.loads(blob.content)]
        return rows
