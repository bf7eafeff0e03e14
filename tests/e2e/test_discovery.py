"""`POST /api/sources/{source_name}/discover`: a workbook of a source's tables that the app takes as it is."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from tests.e2e.app import SOURCE, App


@pytest.fixture(scope="module")
def shop(app: App) -> App:
    app.execute(
        "create table orders (id bigint primary key, updated_at timestamptz not null, customer bigint)",
        "create index on orders (updated_at)",
        "insert into orders select n, timestamptz '2026-01-01Z' + n * interval '1 h', n from generate_series(1, 40) n",
        "create table countries (code text primary key)",
        "insert into countries values ('DE'), ('FR')",
    )
    return app


def discover(app: App, source: str = SOURCE, status: int = 200, **body: Any) -> dict[str, Any]:
    body = {"source_type": "PostgreSQL"} | body
    response = app.request("POST", f"/api/sources/{source}/discover", body)
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_discovered_workbook_is_valid_runs_dry_and_loads(shop: App) -> None:
    answer = discover(shop, target_container=shop.lake_name)
    assert (answer["source_type"], answer["schema_name"], answer["counts"]) == ("PostgreSQL", "public", {"new": 2})
    content = b64decode(answer["workbook"])
    headers = {"x-functions-key": shop.function_key}
    checked = shop.send("POST", "/api/config/validate", data=content, headers=headers).json()
    assert (checked["valid"], checked["problems"], checked["warnings"]) == (True, [], [])
    shop.upload_workbook(content)
    plan = shop.request("POST", "/api/runs", {"dry_run": True}).json()
    assert {job["job_id"]: job.get("error") for job in plan["jobs"]} == dict.fromkeys(checked["jobs"])
    run = shop.run()
    assert run["status"] == "SUCCEEDED"
    assert {job["job_id"]: job["rows_written"] for job in run["jobs"]} == {
        f"{SOURCE}_orders": 40,
        f"{SOURCE}_countries": 2,
    }


def test_a_given_workbook_keeps_its_rows(shop: App) -> None:
    first = discover(shop, like="orders")
    both = discover(shop, workbook=first["workbook"])
    assert {one["name"]: one["status"] for one in both["found"]} == {"countries": "new", "orders": "kept"}


def test_the_call_is_in_the_audit_table_without_the_workbook(shop: App) -> None:
    discover(shop, like="countries")
    calls = [row for row in shop.audit_rows("calls") if str(row.get("route", "")).endswith("/discover")]
    assert calls
    assert all("UEsD" not in str(row) for row in calls)


@pytest.mark.parametrize(
    ("source", "body", "status", "said"),
    [
        ("nowhere", {}, 404, "No connection secret for source 'nowhere'"),
        (SOURCE, {"schema_name": "gone"}, 422, "Schema 'gone' of source 'shop_pg' does not exist"),
        (SOURCE, {"workbook": b64encode(b"no workbook").decode()}, 422, "not an Excel workbook"),
        (SOURCE, {"workbook": "?"}, 400, "workbook: is not base64"),
        (SOURCE, {"source_type": "Excel"}, 400, "source_type: is not one of PostgreSQL, Oracle, MSSQL, API"),
        (SOURCE, {"source_type": None, "like": "x"}, 200, ""),  # the active workbook shows it
        ("untyped", {"source_type": None}, 422, "does not show of which type it is: name its source_type"),
        ("unreachable", {}, 503, "unreachable"),
    ],
)
def test_what_cannot_be_discovered_is_one_sentence(
    shop: App, source: str, body: dict[str, Any], status: int, said: str
) -> None:
    shop.put_source("unreachable", shop.postgres_connection(shop.database) | {"port": 1, "connect_timeout": 2})
    shop.put_source("untyped", shop.postgres_connection(shop.database))
    answer = discover(shop, source, status, **body)
    assert said in " ".join([answer.get("detail", ""), *answer.get("problems", ())])
    assert shop.postgres_connection(shop.database)["password"] not in str(answer)
