"""Passwords stay in the vault: a canary in them turns up nowhere else, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from localhost.services import LocalServices
from tests.e2e.app import App, jobs_of
from tests.oracle_standin.service import OracleService
from tests.tds_standin.service import DRIVERS, TdsService

CANARY = "Canary.7f3@a/b"  # with characters that are escaped in URLs
SQL_SERVER_DRIVERS = {driver.replace("-", "_"): driver for driver in DRIVERS}
SIGHTINGS = [CANARY.encode(), quote(CANARY, safe="").encode(), quote(CANARY).encode(), b"Canary"]


@pytest.fixture(scope="module")
def used(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Path]]:
    """An app after runs with the canary in secrets that work and in secrets that do not, with its state folder."""
    folder = tmp_path_factory.mktemp("host")
    app = App(services, folder, AzureFunctionsJobHost__logging__logLevel__default="Debug", JOB_MAX_ATTEMPTS="2")
    app.create_tables("guarded", "forbidden")
    app.execute(
        f"create role keeper login password '{CANARY}'",
        "grant select on guarded to keeper",
    )
    right = app.postgres_connection(app.database) | {"username": "keeper", "password": CANARY}
    wrong = right | {"password": f"{CANARY} is not it"}
    url = f"postgresql://keeper:{quote(CANARY, safe='')}@{right['host']}:{right['port']}/{app.database}"
    app.put_source("by_fields", right)
    app.put_source("wrong_password", wrong)
    app.put_source("unknown_field", right | {"pasword": CANARY})
    app.put_source("wrong_port", right | {"port": CANARY})
    app.put_source("unreachable", right | {"port": 1})
    for name, text in {
        "by-url": url,
        "broken-url": url.replace(":", "", 1),
        "broken-json": json.dumps(right)[:-1],
    }.items():
        services.key_vault.set_secret(f"source-{name}", text)
    sources = ("by_fields", "by_url", "wrong_password", "unknown_field", "wrong_port", "unreachable")
    oracle_sources = ("oracle_right", "oracle_wrong", "oracle_broken")
    with (
        OracleService(password=CANARY) as oracle,
        TdsService(folder, "--login", f"keeper/{CANARY}") as server,
        app.host,
    ):
        oracle.execute("CREATE TABLE guarded (id NUMBER(9), name VARCHAR2(9))", "INSERT INTO guarded VALUES (1, 'a')")
        app.put_source("oracle_right", oracle.secret)
        app.put_source("oracle_wrong", oracle.secret | {"password": f"{CANARY} is not it"})
        app.put_source("oracle_broken", oracle.secret | {"pasword": CANARY})
        of_oracle = {"source_type": "Oracle", "schema_name": oracle.schema}
        app.put_workbook(
            *(app.row(name, "guarded", source_name=name) for name in (*sources, "broken_url", "broken_json")),
            *(app.row(name, "guarded", source_name=name, **of_oracle) for name in oracle_sources),
            app.row("no_right", "forbidden", source_name="by_fields"),
            *_sql_server_jobs(app, server),
        )
        run = app.run()
        app.send("GET", "/api/health")
        jobs = jobs_of(run)
        right_ones = {"by_fields", "by_url", "oracle_right", *(f"right_{driver}" for driver in SQL_SERVER_DRIVERS)}
        assert {name for name, job in jobs.items() if job["status"] == "SUCCESS"} == right_ones
        assert len(jobs) == 12 + 4 * len(SQL_SERVER_DRIVERS)
        yield app, folder


def _sql_server_jobs(app: App, server: TdsService) -> list[dict[str, object]]:
    """Jobs of SQL Server by each driver: one that works, and three that do not."""
    server.execute("CREATE TABLE guarded (id int NOT NULL PRIMARY KEY)", "INSERT INTO guarded VALUES (1)")
    jobs: list[dict[str, object]] = []
    for name, driver in SQL_SERVER_DRIVERS.items():
        right = server.secret(driver) | {"username": "keeper", "password": CANARY, "connect_timeout": 3}
        for case, secret in {
            "right": right,
            "wrong_password": right | {"password": f"{CANARY} is not it"},
            "wrong_database": right | {"database": "nowhere"},
            "unreachable": right | {"port": 1},
        }.items():
            source = f"{case}_{name}"
            app.put_source(source, secret)
            jobs.append(app.row(source, "guarded", source_name=source, source_type="MSSQL", schema_name="dbo"))
    return jobs


def test_the_canary_is_in_no_log(used: tuple[App, Path]) -> None:
    app, _ = used
    assert "wrong_password" in app.host.log_text()
    _assert_unseen({"host.log": app.host.log_text().encode()})


def test_the_canary_is_in_no_file_of_the_host(used: tuple[App, Path]) -> None:
    _, folder = used
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert b"wrong_password" in b"".join(content for name, content in files.items() if name.startswith("durable.db"))
    _assert_unseen(files)


def test_the_canary_is_in_no_audit_row(used: tuple[App, Path]) -> None:
    app, _ = used
    rows = app.services.table_service().get_table_client(app.settings["AUDIT_TABLE"]).list_entities()
    texts = {f"{row['PartitionKey']}/{row['RowKey']}": repr(row).encode() for row in rows}
    assert len(texts) >= 2 * 12
    _assert_unseen(texts)


def test_the_canary_is_in_no_blob(used: tuple[App, Path]) -> None:
    app, _ = used
    contents: dict[str, bytes] = {}
    for container in (app.config, app.lake_container):
        for name in container.list_blob_names():
            contents[name] = _readable(name, container.download_blob(name).readall())
    assert any(name.endswith(".parquet") for name in contents)
    _assert_unseen(contents)


def test_the_canary_is_in_no_answer(used: tuple[App, Path]) -> None:
    app, _ = used
    assert any("password is wrong" in response.text for response in app.responses)
    _assert_unseen({response.url: response.content for response in app.responses})


def _assert_unseen(contents: dict[str, bytes]) -> None:
    assert [name for name, content in contents.items() if any(sighting in content for sighting in SIGHTINGS)] == []


def _readable(name: str, content: bytes) -> bytes:
    """A blob's content without compression: Parquet as text, dlt's state unpacked beside it."""
    if name.endswith(".parquet"):
        table = pq.read_table(BytesIO(content))
        return repr((table.schema, table.to_pylist())).encode()
    if "_dlt_pipeline_state" in name and content:
        return content + zlib.decompress(base64.b64decode(json.loads(content)["state"]))
    return content
