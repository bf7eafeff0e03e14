"""A server that we did not write: json-server over flights data, read as its manual describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from localhost.services.json_server import JsonServer
from tests.conftest import service_folder
from tests.integration.rest.conftest import Lake, api_job

AIRPORTS = [
    {
        "id": n,
        "faa": f"A{n:03}",
        "position": {"lat": n / 7, "lon": -n / 3},
        "changed": f"2026-01-{n % 28 + 1:02}T00:00:00Z",
        "runways": [{"length": 1000 + n}] * (n % 3),
    }
    for n in range(1, 124)
]


@pytest.fixture(scope="module")
def json_server() -> Iterator[JsonServer]:
    with service_folder() as folder, JsonServer(folder, {"airports": AIRPORTS, "nothing": []}) as started:
        yield started


STYLES: dict[str, dict[str, Any]] = {
    "everything": {},
    "pages": {
        "pagination_type": "page",
        "api_page_param": "_page",
        "api_limit_param": "_limit",
        "api_page_size": 20,
        "api_total_path": "X-Total-Count",
    },
    "offsets": {
        "pagination_type": "offset",
        "api_offset_param": "_start",
        "api_limit_param": "_limit",
        "api_page_size": 25,
        "api_total_path": "X-Total-Count",
    },
    "links": {"pagination_type": "link_header", "api_params": {"_page": "1", "_limit": "50"}},
    "auto": {"pagination_type": "auto", "api_params": {"_page": "1"}},
}


@pytest.mark.parametrize("parallelism", [1, 4])
@pytest.mark.parametrize("style", STYLES)
def test_its_airports_come_once(json_server: JsonServer, tmp_path: Path, style: str, parallelism: int) -> None:
    lake = Lake(tmp_path, {"base_url": json_server.url})
    rows = lake.load(api_job("/airports", api_nested="json", parallelism=parallelism, **STYLES[style]))
    assert [row["faa"] for row in rows] == [airport["faa"] for airport in AIRPORTS]
    assert len(lake.table()) == len(AIRPORTS)


def test_its_lists_become_a_table(json_server: JsonServer, tmp_path: Path) -> None:
    lake = Lake(tmp_path, {"base_url": json_server.url})
    rows = lake.load(api_job("/airports"))
    assert [row["position__lat"] for row in rows] == [n / 7 for n in range(1, 124)]
    assert len(lake.rows("things__runways")) == sum(n % 3 for n in range(1, 124))


def test_an_empty_list_makes_an_empty_table(json_server: JsonServer, tmp_path: Path) -> None:
    assert Lake(tmp_path, {"base_url": json_server.url}).load(api_job("/nothing")) == []


def test_its_filter_takes_the_watermark(json_server: JsonServer, tmp_path: Path) -> None:
    lake = Lake(tmp_path, {"base_url": json_server.url})
    job = api_job(
        "/airports",
        load_type="INCREMENTAL",
        watermark_column="changed",
        last_watermark="2026-01-20T00:00:00Z",
        api_cursor_filter_param="changed_gte",
        api_nested="json",
        **STYLES["offsets"],
    )
    expected = {airport["id"] for airport in AIRPORTS if str(airport["changed"]) >= "2026-01-20T00:00:00Z"}
    assert {row["id"] for row in lake.load(job)} == expected

    new: dict[str, Any] = {"id": 900, "faa": "NEW", "changed": "2026-01-28T00:00:00Z", "position": None, "runways": []}
    assert requests.post(f"{json_server.url}/airports", json=new, timeout=60).status_code == requests.codes.created
    assert {row["id"] for row in lake.load(job)} == expected | {900}
    assert len(lake.table()) == len(expected) + 1
