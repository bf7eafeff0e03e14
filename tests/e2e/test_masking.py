"""Plain values of masked columns are nowhere but at the source, whatever is loaded and whatever goes wrong."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from localhost.services import LocalServices
from tests.api_server import ApiServer, Reply, Request
from tests.e2e.app import SOURCE, App, jobs_of
from tests.oracle_standin.service import OracleService
from tests.otlp_receiver import Telemetry, otlp_receiver
from tests.repeatedly import repeatedly
from tests.sightings import files_below, seen_in, spellings
from tests.tds_standin.service import TdsService

TOKEN = "Canary7f3eQ"
EMAIL, PHONE, NAME = f"{TOKEN}@mail.example", f"079{TOKEN}4321", f"{TOKEN} Ada"
BIRTH, NUMBER = "1987-06-05", 4711081547110815
KEY = "the key of the canary test, long enough"
WANTED = {
    *spellings(TOKEN),
    *spellings(BIRTH),
    *spellings(str(NUMBER)),
    NUMBER.to_bytes(8, "little"),
    NUMBER.to_bytes(8, "big"),
    b"datetime.date(1987, 6, 5)",
}
MASKS = "email:hash, phone:last4, name:null, birth:year, account:hash"
HASHED = hmac.new(KEY.encode(), EMAIL.encode(), hashlib.sha256).hexdigest()
ACCOUNT = hmac.new(KEY.encode(), str(NUMBER).encode(), hashlib.sha256).hexdigest()
INCREMENTAL = {"load_type": "INCREMENTAL", "watermark_column": "id", "table_format": "delta", "primary_key": "email"}
COLUMNS = "id int NOT NULL PRIMARY KEY, email {text}(60), phone {text}(60), name {text}(60), birth date, account {long}"
ROW = f"1, '{EMAIL}', '{PHONE}', '{NAME}', {{date}}'{BIRTH}', {NUMBER}"
PERSON = {"id": 1, "email": EMAIL, "phone": PHONE, "name": NAME, "birth": BIRTH, "account": NUMBER}


@dataclass
class Loaded:
    """The app after its runs."""

    app: App
    folder: Path
    telemetry: Telemetry
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    working: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module")
def loaded(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """An app whose runs have loaded the canary, or failed to, from every kind of source."""
    host, work, other = (tmp_path_factory.mktemp(name) for name in ("host", "work", "servers"))
    services.key_vault.set_secret("mask-key", KEY)
    with otlp_receiver() as telemetry, ApiServer() as api, OracleService() as oracle, TdsService(other) as mssql:
        app = App(
            services,
            host,
            AzureFunctionsJobHost__logging__logLevel__default="Debug",
            JOB_MAX_ATTEMPTS="2",
            JOB_RETRY_SECONDS="0",
            WORK_FOLDER=str(work),
            API_PRIVATE_HOSTS="127.0.0.1",
            OTEL_EXPORTER_OTLP_ENDPOINT=telemetry.url,
        )
        _fill(app, oracle, mssql, api)
        found = Loaded(app, host, telemetry)
        jobs = _jobs(app, oracle, mssql)
        with app.host, repeatedly(lambda: found.working.update(files_below(work)), 0.02):
            app.put_workbook(*jobs)
            found.jobs = jobs_of(app.run())
            app.run(job_ids=[name for name in found.jobs if name.endswith("delta")])
            for name in found.jobs:
                app.request("GET", f"/api/jobs/{name}/history")
            app.request("POST", "/api/runs", {"dry_run": True})
            app.until(lambda: len(telemetry.spans) > len(jobs), "the runs are traced")
            yield found


def _fill(app: App, oracle: OracleService, mssql: TdsService, api: ApiServer) -> None:
    app.execute(
        f"create table people ({COLUMNS.format(text='varchar', long='bigint')})",
        f"insert into people values ({ROW.format(date='date ')})",
        "create view uncastable as select id, email, email::int as wrong from people",
        "create table endless (id int, amount numeric)",
        "create table wild_a as select id, email from people",
        "create table wild_b as select id from people",
        f"insert into endless values (1, {NUMBER}.{NUMBER})",
    )
    oracle.execute(
        f"CREATE TABLE people ({COLUMNS.format(text='VARCHAR2', long='NUMBER(18)').replace(' int ', ' NUMBER(9) ')})",
        f"INSERT INTO people VALUES ({ROW.format(date='DATE ')})",
    )
    mssql.execute(
        f"CREATE TABLE people ({COLUMNS.format(text='varchar', long='bigint')})",
        f"INSERT INTO people VALUES ({ROW.format(date='')})",
    )
    nested = {"id": 7, "customer": PERSON, "items": [{"email": EMAIL, "tags": [{"name": NAME}]}]}
    api.endpoints |= {
        "/people": lambda _: Reply([PERSON]),
        "/orders": lambda _: Reply([nested]),
        "/broken": lambda _: Reply(f"<p>{EMAIL}</p>"),
        "/refused": lambda _: Reply({"error": f"no such person: {EMAIL}"}, 400),
        "/renamed": lambda _: Reply([{**PERSON, "mail": EMAIL} | {"email": None}]),
        "/moved": lambda _: Reply([{"id": 1, "eMail": EMAIL}]),
        "/parents": lambda _: Reply([{"id": n} for n in range(1, 5)]),
        **{f"/parents/{n}/people": _after(n) for n in range(1, 5)},
    }
    api.endpoints["/gone"] = lambda _: Reply([{"id": 1, "mail": EMAIL}])
    app.put_source("people_api", {"base_url": api.url})
    app.put_source("people_mssql", mssql.secret("mssql-python"))
    app.put_source("people_oracle", oracle.secret)


def _after(number: int) -> Any:
    """The children of a parent; those of the last fail until all others were read."""

    def answer(_: Request) -> Reply:
        return Reply({"error": EMAIL}, 400) if number == 4 else Reply([PERSON])

    return answer


def _jobs(app: App, oracle: OracleService, mssql: TdsService) -> list[dict[str, object]]:
    kinds: dict[str, dict[str, object]] = {
        "pg": {"source_name": SOURCE},
        "mssql": {"source_name": "people_mssql", "source_type": "MSSQL", "schema_name": mssql.schema},
        "oracle": {"source_name": "people_oracle", "source_type": "Oracle", "schema_name": oracle.schema},
    }
    api: dict[str, object] = {"source_name": "people_api", "source_type": "API", "schema_name": None}
    jobs = []
    for name, cells in kinds.items():
        jobs.append(app.row(f"{name}_parquet", "people", **cells, masked_columns=MASKS, verify="SUMS"))
        delta = {**INCREMENTAL, "detect_deletes": "soft"} if name == "pg" else INCREMENTAL
        jobs.append(
            app.row(f"{name}_delta", "people", **cells, **delta, masked_columns=MASKS, target_folder_path="delta")
        )

    def of_api(name: str, path: str, masks: str, **cells: object) -> None:
        cells = {"api_endpoint": path, "target_folder_path": name, **cells}
        jobs.append({**app.row(name, "people"), **api, **cells, "masked_columns": masks})

    of_api("api_parquet", "/people", MASKS)
    of_api("api_delta", "/people", MASKS, **INCREMENTAL)
    nested = ", ".join(f"customer__{one}" for one in MASKS.split(", ")) + ", items__email:last4, tags__name:null"
    nested = nested.replace("tags__name", "items__tags__name")
    of_api("api_nested", "/orders", nested, table_format="delta")
    of_api("api_json", "/orders", "customer:null, items:null", api_nested="json")
    for path in ("broken", "refused", "moved", "gone"):
        of_api(f"api_{path}_fails", f"/{path}", "email:hash")
    of_api("api_parents", "/parents", "", table_name="parents")
    of_api("api_staged_fails", "/parents/{each}/people", MASKS, api_for_each="api_parents.id")
    jobs.append(app.row("wild", "wild*", masked_columns="email:hash?"))
    jobs.append(app.row("wild_typo_fails", "wild*", masked_columns="emial:hash?", target_folder_path="typo"))
    jobs.append(app.row("pg_cast_fails", "uncastable", masked_columns="email:hash"))
    jobs.append(app.row("pg_digits_fails", "endless", masked_columns="amount:hash"))
    return jobs


def test_what_can_be_loaded_is_loaded_masked_and_what_cannot_says_why(loaded: Loaded) -> None:
    failed = {name for name, job in loaded.jobs.items() if job["status"] != "SUCCESS"}
    assert failed == {name for name in loaded.jobs if name.endswith("_fails")}, {
        name: job.get("error_message") for name, job in loaded.jobs.items()
    }
    masked = (1, HASHED, "4321", None, 1987, ACCOUNT)
    app = loaded.app
    assert app.lake_rows("people") == [masked]
    for name in ("people_mssql", "people_oracle"):
        (row,) = _rows(app, name)
        assert (int(row[0]), *row[1:]) == masked, name
    texts = {name: loaded.jobs[name]["error_message"] for name in failed}
    assert "its words are left out" in texts["pg_cast_fails"]
    assert "holds a value, which does not fit" in texts["pg_digits_fails"]
    assert "(left out, as masked_columns asks)" in texts["api_refused_fails"]
    assert "write it as the source does" in texts["api_moved_fails"]
    assert "is not a column of the rows of a page" in texts["api_gone_fails"]
    assert "masked_columns 'emial' is a column of none of its 2 tables" in texts["wild_typo_fails"]
    assert app.lake_rows("wild_a") == [(1, HASHED)]
    assert loaded.jobs["wild.wild_a"]["masked_columns"] == ["email:hash"]
    assert "masked_columns" not in loaded.jobs["wild.wild_b"]


def _rows(app: App, source: str) -> list[tuple[Any, ...]]:
    files = app.lake_files("people", source).values()
    return [tuple(row.values()) for content in files for row in pq.read_table(BytesIO(content)).to_pylist()]


def test_no_plain_value_is_in_any_blob(loaded: Loaded) -> None:
    contents = {
        blob: container.download_blob(blob).readall()
        for container in (loaded.app.config, loaded.app.lake_container)
        for blob in container.list_blob_names()
    }
    assert any("_dlt_stage" in name for name in contents), "the job that broke off has left what it had read"
    for part in ("_delta_log/", ".parquet", "_dlt_pipeline_state/", "_dlt_loads/"):
        assert any(part in name for name in contents), part
    assert seen_in(contents, [HASHED.encode()]) != []
    assert seen_in(contents, WANTED) == []


def test_no_plain_value_is_in_an_audit_row(loaded: Loaded) -> None:
    rows = loaded.app.services.table_service().get_table_client(loaded.app.settings["AUDIT_TABLE"]).list_entities()
    texts = {f"{row['PartitionKey']}/{row['RowKey']}": repr(row).encode() for row in rows}
    assert any(b"masked_columns" in text for text in texts.values())
    assert seen_in(texts, WANTED) == []


def test_no_plain_value_is_in_the_history_the_log_or_any_other_file_of_the_host(loaded: Loaded) -> None:
    files = files_below(loaded.folder)
    assert any("durable.db" in name for name in files)
    assert seen_in(files, WANTED) == []
    assert seen_in({"log": loaded.app.host.log_text().encode()}, WANTED) == []


def test_no_plain_value_was_ever_in_a_working_folder(loaded: Loaded) -> None:
    assert any(name.endswith(".parquet") for name in loaded.working)
    assert seen_in(loaded.working, WANTED) == []


def test_no_plain_value_is_in_telemetry_or_an_answer(loaded: Loaded) -> None:
    telemetry = loaded.telemetry
    sent = {"spans": repr(telemetry.spans).encode(), "logs": repr(telemetry.logs).encode()}
    assert b"pg_parquet" in sent["spans"]
    assert seen_in(sent, WANTED) == []
    answers = {f"{n} {one.url}": one.content for n, one in enumerate(loaded.app.responses)}
    assert seen_in(answers, [HASHED.encode()]) != [], "the dry run shows what a load would write"
    assert seen_in(answers, WANTED) == []


def test_neither_the_key_nor_a_part_of_it_is_anywhere(loaded: Loaded) -> None:
    lake = loaded.app.lake_container
    blobs = {name: lake.download_blob(name).readall() for name in lake.list_blob_names()}
    assert seen_in({**files_below(loaded.folder), **loaded.working, **blobs}, spellings(KEY)) == []
