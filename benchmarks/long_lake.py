"""The lake of a job that has loaded thousands of times, made from that of one that has loaded twice.

Every file is what a load of one row leaves; a test compares it with what twenty real loads leave.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from azure.storage.blob import ContainerClient
from dlt.common.versioned_state import compress_state, decompress_state
from dlt.pipeline.state_sync import bump_pipeline_state_version_if_modified

from shared.jobs.lake_layout import dataset_name
from shared.models.job import Job
from shared.sources.boundary import Boundary

SECONDS_APART = 900
"""Between two loads: a quarter of an hour, of which a year has 35,000."""

STATES_KEPT = 100  # by dlt
_THREADS = 24


@dataclass(frozen=True)
class Template:
    """What the first two loads of a job have left: one row each, with 1 and 2 in its watermark column."""

    container: ContainerClient
    job: Job
    files: dict[str, bytes]
    """By the path below the dataset."""

    @classmethod
    def of(cls, container: ContainerClient, job: Job) -> Template:
        """Read it."""
        folder = f"{job.target_folder_path}/{dataset_name(job)}/"
        names = [name[len(folder) :] for name in container.list_blob_names(name_starts_with=folder)]
        files = {name: container.download_blob(folder + name).readall() for name in names}
        return cls(container, job, {name: content for name, content in files.items() if content or name == "init"})

    @property
    def folder(self) -> str:
        """The dataset's."""
        return f"{self.job.target_folder_path}/{dataset_name(self.job)}/"

    def the(self, part: str) -> str:
        """The newest file whose path has this part."""
        return max(name for name in self.files if part in name)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those of the loads: the first one's differs, because it makes the table."""
        return [json.loads(content) for name, content in sorted(self.files.items()) if "_dlt_loads/" in name]


def make_history(template: Template, loads: int, newest: float) -> None:
    """Put a history in the template's place: row `n` of the table comes by load `n`.

    Args:
        template: What is repeated.
        loads: How many.
        newest: The time of the last load, seconds since 1970.
    """

    def put(file: tuple[str, bytes]) -> None:
        template.container.upload_blob(template.folder + file[0], file[1], overwrite=True)

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(put, _history(template, loads, newest)):
            pass
    repeated = [record["load_id"] for record in template.records]
    for name in template.files:
        if any(load_id in name for load_id in repeated):
            template.container.delete_blob(template.folder + name)


def _history(template: Template, loads: int, newest: float) -> Iterator[tuple[str, bytes]]:
    first, record = template.records
    table = template.job.resource_name
    (first_file,) = record["tables"][table]["files"]
    rows = pq.read_table(BytesIO(template.files[f"{table}/{first_file['path']}"]))
    manifest = json.loads(template.files[f"{table}/_manifest.json"])
    named: list[dict[str, Any]] = []
    base: str | None = None
    for number in range(1, loads + 1):
        load_id = f"{newest - (loads - number) * SECONDS_APART + number % 1000 / 1000:.7f}"
        row = _row(rows, template.job, number)
        content = _parquet(row)
        path = f"{load_id}.{sha256(load_id.encode()).hexdigest()[:10]}.parquet"
        named.append({"path": path, "rows": 1, "bytes": len(content)})
        yield f"{table}/{path}", content
        own = {**(record if base else first), "load_id": load_id, "base_load_id": base, "run_id": f"history-{number}"}
        own |= {"inserted_at": datetime.fromtimestamp(float(load_id) + 2, UTC).isoformat()}
        own |= {"watermark_before": str(number - 1) if base else None, "watermark_after": str(number)}
        own |= {"tables": {table: {"replaced": base is None, "files": named[-1:]}}, "bytes_written": len(content)}
        if "dataset" in own:
            own["dataset"] = {**own["dataset"], "state": _state_name(template, load_id)}
        yield f"_dlt_loads/load__{load_id}.jsonl", json.dumps(own).encode()
        if number > loads - STATES_KEPT:
            yield _state_name(template, load_id), _state(template, load_id, row)
        base = load_id
    manifest |= {"load_id": base, "run_id": f"history-{loads}", "committed_at": own["inserted_at"]}
    manifest |= {"rows": loads, "watermark": str(loads), "files": named}
    yield f"{table}/_manifest.json", json.dumps(manifest).encode()


def _row(rows: pa.Table, job: Job, number: int) -> pa.Table:
    index = rows.schema.get_field_index(str(job.watermark_column))
    field = rows.schema.field(index)
    return rows.set_column(index, field, pa.array([number], field.type))


def _parquet(rows: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(rows, sink, compression="zstd", use_dictionary=False)
    return sink.getvalue()


def _state_name(template: Template, load_id: str) -> str:
    pipeline, _, rest = template.the("_dlt_pipeline_state/").rpartition("/")[2].split("__", 2)
    return f"_dlt_pipeline_state/{pipeline}__{load_id}__{rest}"


def _state(template: Template, load_id: str, row: pa.Table) -> bytes:
    """The state of a load whose last row this is; what it knows of that row is made as a load makes it."""
    name, job = template.the("_dlt_pipeline_state/"), template.job
    document = json.loads(template.files[name])
    state: Any = decompress_state(document["state"])
    resource = next(iter(state["sources"].values()))["resources"][job.resource_name]
    boundary = Boundary({}, str(job.watermark_column), resource["boundary"]["columns"], None)
    boundary._state = resource["boundary"]
    boundary.new_rows(row)
    boundary.save()
    number = row[str(job.watermark_column)][0].as_py()
    resource["incremental"][job.watermark_column]["last_value"] = number
    bump_pipeline_state_version_if_modified(state)
    document |= {"version": state["_state_version"], "version_hash": state["_version_hash"]}
    document |= {"state": compress_state(state)}
    document |= {"_dlt_load_id": load_id} if "_dlt_load_id" in document else {}
    return json.dumps(document).encode()
