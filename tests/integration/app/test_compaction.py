"""Small Parquet files of an INCREMENTAL table become large ones, and loads go on as if nothing had happened."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.long_lake import Template, make_history
from shared.audit.lake_records import unrecorded_loads
from shared.errors.hierarchy import LakeError, LeaseLostError
from shared.isolation.leases import job_lease
from shared.lake.compaction import CompactingClient
from shared.lake.dataset import SMALL
from shared.loading.maintenance import maintain_tables
from shared.models.maintenance import MaintainedTable
from shared.secrets import Secret
from tests.integration.app.delta_loads import DeltaLoads

MEBIBYTE = 1024 * 1024


@pytest.fixture
def plain(loads: DeltaLoads) -> DeltaLoads:
    """A Parquet table that grows by what is new."""
    loads.change_job(table_format="parquet", primary_key=())
    return loads


def compact(plain: DeltaLoads, file_bytes: int = MEBIBYTE) -> MaintainedTable:
    folder = plain.folder / f"maintenance-{datetime.now(UTC):%H%M%S%f}"
    folder.mkdir()
    order: dict[str, Any] = {"retention": timedelta(days=7), "file_bytes": file_bytes, "secret": Secret({})}
    order["records_kept"] = timedelta(days=1)
    with job_lease(plain.job.job_id, "maintenance-1") as lease:
        (table,) = maintain_tables(lease.lease_id, plain.job, folder, report=lambda *_: None, **order)
    assert not list(folder.rglob("*.parquet"))
    return table


def folder_of(plain: DeltaLoads) -> str:
    return f"raw/shop/shop_pg_{plain.table}/{plain.table}/"


def manifest(plain: DeltaLoads) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(plain.lake.download_blob(f"{folder_of(plain)}_manifest.json").readall())
    return content


def rows(plain: DeltaLoads) -> list[dict[str, Any]]:
    """Those of the files that the manifest names, which are all files that there are."""
    named = [file["path"] for file in manifest(plain)["files"]]
    there = {name.rpartition("/")[2] for name in plain.lake.list_blob_names(name_starts_with=folder_of(plain))}
    assert there - {"_manifest.json", "_manifest_kept.json"} == set(named)
    files = [plain.lake.download_blob(folder_of(plain) + name).readall() for name in named]
    table = pa.concat_tables([pq.read_table(BytesIO(file)) for file in files], promote_options="default")
    assert table.num_rows == manifest(plain)["rows"]
    return sorted(table.to_pylist(), key=lambda row: row["version"])


def add(plain: DeltaLoads, number: int) -> None:
    plain.execute(f"insert into {plain.table} (id, name, version) values ({number}, 'new', {number})")


def test_loads_and_compactions_take_turns(plain: DeltaLoads) -> None:
    first = plain.load(run_id="the-first")
    add(plain, 11)
    plain.load()
    plain.execute(f"alter table {plain.table} add column price numeric(10, 2) default 1.5")
    add(plain, 12)
    last = plain.load(run_id="the-last")
    before = rows(plain)
    done = compact(plain)
    assert (done.files_before, done.files_after, done.files_removed) == (3, 1, 3)
    assert rows(plain) == before
    assert compact(plain).files_removed == 0  # one file is left alone

    repeated = plain.attempt(run_id="the-last")  # as after a host that died before it wrote the outcome
    assert (repeated.load_id, repeated.watermark_after) == (last.load_id, "12")
    assert unrecorded_loads(plain.job, last.load_id) == []
    assert [record["load_id"] for record in unrecorded_loads(plain.job, first.load_id)][-1] == last.load_id

    add(plain, 13)
    assert (plain.load().rows_written, [row["version"] for row in rows(plain)]) == (1, list(range(1, 14)))
    assert (compact(plain).files_before, len(manifest(plain)["files"])) == (2, 1)
    assert [row["version"] for row in rows(plain)] == list(range(1, 14))
    assert plain.load().load_id is None  # nothing is new
    assert plain.load(full_refresh=True).rows_written == 13
    assert len(rows(plain)) == 13


def test_a_lost_manifest_is_made_again_from_loads_and_compactions(plain: DeltaLoads) -> None:
    for number in (11, 12, 13):
        plain.load()
        add(plain, number)
    compact(plain)
    plain.load()
    before = manifest(plain)
    plain.lake.delete_blob(f"{folder_of(plain)}_manifest.json")
    add(plain, 14)
    plain.load()
    assert manifest(plain)["files"][:-1] == before["files"]
    assert [row["version"] for row in rows(plain)] == list(range(1, 15))


@pytest.mark.parametrize("step", ["_commit", "_write_manifest"])
def test_a_compaction_that_breaks_off_is_finished_or_forgotten_by_the_next_load(
    plain: DeltaLoads, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise ConnectionResetError("the process ends here")

    plain.load()
    add(plain, 11)
    plain.load()
    before = rows(plain)
    with monkeypatch.context() as breaking:
        breaking.setattr(CompactingClient, step, end)
        with pytest.raises(Exception, match="ends here"):
            compact(plain)
    assert plain.attempt().error is None
    assert (rows(plain), len(manifest(plain)["files"])) == (before, 1 if step == "_write_manifest" else 2)
    compact(plain)
    assert (rows(plain), len(manifest(plain)["files"])) == (before, 1)


def test_a_compaction_whose_lease_is_lost_changes_nothing(plain: DeltaLoads, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.load()
    add(plain, 11)
    plain.load()
    before = manifest(plain)

    def lost(*_: object) -> None:
        raise LeaseLostError("another run has it")

    with monkeypatch.context() as losing:
        losing.setattr("shared.loading.maintenance.assert_held", lost)
        with pytest.raises(LeaseLostError):
            compact(plain)
    assert manifest(plain) == before
    assert len(rows(plain)) == 11


def test_a_file_that_is_gone_is_named(plain: DeltaLoads) -> None:
    plain.load()
    add(plain, 11)
    plain.load()
    path = manifest(plain)["files"][0]["path"]
    plain.lake.delete_blob(folder_of(plain) + path)
    with pytest.raises(LakeError, match=path):
        compact(plain)


def test_a_table_after_hundreds_of_loads_is_one_file_and_loads_go_on(plain: DeltaLoads) -> None:
    plain.execute(f"delete from {plain.table} where version > 1")
    for number in (1, 2):
        plain.load()
        add(plain, number + 1)
    plain.execute(f"insert into {plain.table} select n, 'new', n from generate_series(4, {3 * SMALL}) n")
    make_history(Template.of(plain.lake, plain.job), 3 * SMALL, time.time() - 900)
    done = compact(plain)
    assert (done.files_before, done.files_after, done.files_removed) == (3 * SMALL, 1, 3 * SMALL)
    assert [row["version"] for row in rows(plain)] == list(range(1, 3 * SMALL + 1))
    add(plain, 3 * SMALL + 1)
    assert plain.load().rows_written == 1
    assert [row["version"] for row in rows(plain)] == list(range(1, 3 * SMALL + 2))
    left = list(plain.lake.list_blob_names(name_starts_with=folder_of(plain).removesuffix(f"{plain.table}/")))
    assert len(left) < 250  # a day has 96 loads, each with a record and a state
    plain.lake.delete_blob(f"{folder_of(plain)}_manifest.json")
    add(plain, 3 * SMALL + 2)
    plain.load()
    assert [row["version"] for row in rows(plain)] == list(range(1, 3 * SMALL + 3))
