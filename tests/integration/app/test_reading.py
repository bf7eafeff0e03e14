"""The examples of docs/reading.md, run on what a load wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from adlfs import AzureBlobFileSystem

from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from tests.integration.app.delta_loads import DeltaLoads

DOCUMENT = Path(__file__).parents[3] / "docs" / "reading.md"


@pytest.fixture
def plain(loads: DeltaLoads) -> DeltaLoads:
    """A plain Parquet table that was loaded twice."""
    loads.change_job(table_format="parquet", primary_key=())
    loads.load()
    loads.execute(f"insert into {loads.table} values (11, 'new', 11)")
    loads.load()
    return loads


@pytest.fixture
def lake_files(services: LocalServices) -> AzureBlobFileSystem:
    parts = {
        "DefaultEndpointsProtocol": "https",
        "AccountName": ACCOUNT,
        "AccountKey": ACCOUNT_KEY,
        "BlobEndpoint": services.azurite.blob_url,
    }
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    return AzureBlobFileSystem(connection_string=text, skip_instance_cache=True)


def example() -> Any:
    """The function of the DuckDB example."""
    (source,) = re.findall(r"## DuckDB\n\n```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, str(DOCUMENT), "exec"), names)
    return names["read_table"]


def folder_of(loads: DeltaLoads) -> str:
    return f"{loads.lake.container_name}/raw/shop/shop_pg_{loads.table}/{loads.table}"


def test_duckdb_reads_the_last_committed_load(plain: DeltaLoads, lake_files: AzureBlobFileSystem) -> None:
    plain.lake.upload_blob(f"raw/shop/shop_pg_{plain.table}/{plain.table}/9999999999.9.x.parquet", b"of no load")
    rows = example()(lake_files, folder_of(plain)).order("id").fetchall()
    assert [row[0] for row in rows] == [*range(1, 12)]
    assert rows[-1] == (11, "new", 11)


def test_duckdb_reads_the_manifest_again_where_its_files_are_gone(
    plain: DeltaLoads, lake_files: AzureBlobFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{folder_of(plain)}/_manifest.json"
    manifests = [lake_files.cat_file(place)]
    plain.change_job(load_type="FULL", watermark_column=None)
    plain.execute(f"delete from {plain.table} where id = 1")
    plain.load()
    manifests.append(lake_files.cat_file(place))
    monkeypatch.setattr(lake_files, "cat_file", lambda _: manifests.pop(0))
    assert sorted(row[0] for row in example()(lake_files, folder_of(plain)).fetchall()) == [*range(2, 12)]
    assert manifests == []


def test_the_manifest_is_what_the_document_shows(plain: DeltaLoads, lake_files: AzureBlobFileSystem) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    manifest = json.loads(lake_files.cat_file(f"{folder_of(plain)}/_manifest.json"))
    assert set(json.loads(shown)) <= set(manifest)
    assert set(json.loads(shown)["files"][0]) == set(manifest["files"][0])
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"]) == 11
