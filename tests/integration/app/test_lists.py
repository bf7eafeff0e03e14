"""Rows of lists in Delta tables that are updated by key: those of an updated parent take the place of its old ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from azure.storage.blob import ContainerClient
from deltalake import DeltaTable

from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from shared.isolation.leases import job_lease
from shared.loading.attempt import run_attempt
from shared.models.attempt import AttemptOrder
from shared.secrets import Secret
from shared.settings import settings
from tests.api_server import ApiServer, Reply
from tests.builders import a_job

Tables = Callable[[list[dict[str, Any]]], tuple[dict[int, list[str]], list[tuple[str, str]]]]
_runs = itertools.count()


@pytest.fixture
def load(
    services: LocalServices,
    lake: ContainerClient,
    tmp_path: Path,
    app_settings: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Tables]:
    """Loads rows; gives the tags of each order, and the values of their notes with the tag that they are of."""
    monkeypatch.setenv("API_PRIVATE_HOSTS", "127.0.0.1")
    settings.cache_clear()
    job = a_job(
        job_id=f"orders_{token_hex(3)}",
        source_type="API",
        source_name=f"api_{token_hex(3)}",
        table_name="orders",
        target_container=lake.container_name,
        load_type="INCREMENTAL",
        watermark_column="u",
        primary_key=("id",),
        table_format="delta",
        api_endpoint="/orders",
    )
    options = {
        "azure_storage_account_name": ACCOUNT,
        "azure_storage_account_key": ACCOUNT_KEY,
        "azure_storage_endpoint": services.azurite.blob_url,
        "allow_invalid_certificates": "true",
    }

    def rows_of(name: str) -> list[dict[str, Any]]:
        place = f"az://{lake.container_name}/{job.target_folder_path}/{job.source_name}_orders/{name}"
        return DeltaTable(place, storage_options=options).to_pyarrow_table().to_pylist()

    with ApiServer() as server:

        def loaded(rows: list[dict[str, Any]]) -> tuple[dict[int, list[str]], list[tuple[str, str]]]:
            server.endpoints["/orders"] = lambda _: Reply(rows)
            run_id, folder = f"run-{next(_runs)}", tmp_path / token_hex(4)
            folder.mkdir()
            order = AttemptOrder(run_id=run_id, run_started_at=datetime.now(UTC), job_id=job.job_id, config_sha256="0f")
            with job_lease(job.job_id, run_id) as held:
                order = order.model_copy(update={"lease_id": held.lease_id})
                result = run_attempt(order, job, Secret({"base_url": server.url}), folder, lambda _stage, _rows: None)
            assert result.error is None, result.error
            orders = {row["_dlt_id"]: row["id"] for row in rows_of("orders")}
            tags = rows_of("orders__tags")
            names = {row["_dlt_id"]: row["tag"] for row in tags}
            found: dict[int, list[str]] = {number: [] for number in orders.values()}
            for row in sorted(tags, key=lambda row: row["_dlt_list_idx"]):
                found[orders[row["_dlt_parent_id"]]].append(row["tag"])
            notes = [(names[row["_dlt_parent_id"]], row["value"]) for row in rows_of("orders__tags__notes")]
            return found, sorted(notes)

        yield loaded
    settings.cache_clear()


def order(number: int, changed: int, *tags: str) -> dict[str, Any]:
    return {"id": number, "u": changed, "tags": [{"tag": tag, "notes": [f"{tag}{changed}"]} for tag in tags]}


def test_rows_of_an_updated_parent_take_the_place_of_its_old_ones(load: Tables) -> None:
    tags, notes = load([order(1, 1, "a", "b"), order(2, 2, "c"), order(3, 3)])
    assert tags == {1: ["a", "b"], 2: ["c"], 3: []}
    assert notes == [("a", "a1"), ("b", "b1"), ("c", "c2")]

    tags, notes = load([order(1, 4, "b", "x", "y"), order(3, 5, "z")])  # changed, and got its first
    assert tags == {1: ["b", "x", "y"], 2: ["c"], 3: ["z"]}
    assert notes == [("b", "b4"), ("c", "c2"), ("x", "x4"), ("y", "y4"), ("z", "z5")]

    tags, notes = load([order(1, 6), order(4, 7, "n")])  # lost all of them; a new one
    assert tags == {1: [], 2: ["c"], 3: ["z"], 4: ["n"]}
    assert notes == [("c", "c2"), ("n", "n7"), ("z", "z5")]

    tags, notes = load([order(2, 8, "old"), order(2, 9, "new"), order(3, 10)])  # twice in one load
    assert tags == {1: [], 2: ["new"], 3: [], 4: ["n"]}
    assert notes == [("n", "n7"), ("new", "new9")]

    assert load([order(3, 10)]) == (tags, notes)  # nothing new
