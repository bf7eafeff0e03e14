"""Loads from a server that answers, by both drivers: what the lake has, and what it never has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc
import pytest

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.models.job import Job
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.tds_standin.service import USER, TdsService


def job(table: str, **cells: Any) -> Job:
    """A FULL job of a table."""
    return a_job(source_type="MSSQL", schema_name="dbo", table_name=table, **cells)


def test_a_table_is_loaded(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, name nvarchar(50), note nvarchar(max))")
    server.fill(table, 2500)
    loaded = lake.load(job(table, chunk_size=1000, verify="SUMS"))
    assert loaded["id"].sort().to_pylist() == list(range(1, 2501))
    assert loaded.filter(loaded["id"].to_numpy() == 2500).select(["name", "note"]).to_pylist() == [
        {"name": "name 2500", "note": "name 2500"}
    ]


@pytest.mark.parametrize("columns", ["id int", "id int, note nvarchar(max)"])
@pytest.mark.parametrize("rows", [1000, 1008])
@pytest.mark.parametrize("fault", [{"cut": True}, {"torn": True}, {"error": 1205}, {"error": 596}])
def test_a_statement_that_breaks_between_rows_is_no_shorter_table(
    server: TdsService, lake: Lake, table: str, columns: str, rows: int, fault: dict[str, Any]
) -> None:
    server.execute(f"CREATE TABLE {table} ({columns})")
    server.fill(table, 5000)
    server.order(f"AS id.*FROM dbo.{table}", after_rows=rows, **fault)
    with pytest.raises(TransientError):
        lake.load(job(table, chunk_size=1000))
    assert lake.load(job(table, chunk_size=1000)).num_rows == 5000


class Writer:
    """A session that changes every row and adds others, over and over, while readers read."""

    def __init__(self, change: Callable[[int], None]) -> None:
        self._change = change
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.changes = 0

    def _work(self) -> None:
        while not self._stopped.is_set():
            self._change(self.changes)
            self.changes += 1

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


def test_parallel_readers_see_one_moment_beside_a_writer(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, total int NOT NULL)")
    server.fill(table, 20_000)
    server.execute(f"UPDATE {table} SET total = 0")
    server.execute(f"INSERT INTO {table} VALUES (29999, 0)")
    client = server.client()

    def change(number: int) -> None:
        # every transaction keeps the sum 0 and the number of rows
        low, high = 1 + number % 10_000, 20_000 - number % 10_000
        client.run(
            f"BEGIN TRAN; UPDATE {table} SET total = total + 1 WHERE id = {low}; "
            f"UPDATE {table} SET total = total - 1 WHERE id = {high}; "
            f"DELETE FROM {table} WHERE id = {29_999 + number}; "
            f"INSERT INTO {table} VALUES ({30_000 + number}, 0); COMMIT"
        )

    with Writer(change) as writer:
        for verify in ("SUMS", False):
            loaded = lake.load(job(table, parallelism=4, chunk_size=500, verify=verify))
            assert pc.sum(loaded["total"]).as_py() == 0
            assert (loaded.num_rows, len(set(loaded["id"].to_pylist()))) == (20_001, 20_001)
    client.close()
    assert writer.changes > 10


@pytest.mark.parametrize(
    ("fault", "kind", "meaning"),
    [
        ({"error": 18456}, SourceError, "the user name or the password is wrong"),
        ({"error": 18456, "text": "Fehler bei der Anmeldung."}, SourceError, "the user name or the password is wrong"),
        ({"error": 4060, "text": "Die Datenbank kann nicht geöffnet werden."}, SourceError, "the database does not"),
        ({"error": 40613, "text": "La base n'est pas disponible."}, TransientError, "starting, stopping or failing"),
        ({"error": 18401}, TransientError, "starting, stopping or failing over"),
        ({"error": 40532, "text": "サーバーを開けません。"}, TransientError, "starting, stopping or failing over"),
        ({"error": 40615}, SourceError, "firewall"),
    ],
)
def test_a_refused_login_is_classed_by_its_number(
    server: TdsService, lake: Lake, table: str, fault: dict[str, Any], kind: type[IngestionError], meaning: str
) -> None:
    server.order(f"LOGIN {USER}", times=4, **fault)
    with pytest.raises(kind, match=meaning):
        lake.load(job(table))


def test_a_database_that_does_not_exist_is_no_wrong_password(lake: Lake, table: str) -> None:
    lake.secret = type(lake.secret)({**lake.secret, "database": "nowhere"})
    with pytest.raises(SourceError, match="the database does not exist, or the user may not open it"):
        lake.load(job(table))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (40197, TransientError),
        (701, TransientError),
        (8645, TransientError),
        (49920, TransientError),
        (229, SourceError),
    ],
)
def test_a_refused_statement_is_classed_by_its_number_in_any_language(
    server: TdsService, lake: Lake, table: str, error: int, kind: type[IngestionError]
) -> None:
    server.execute(f"CREATE TABLE {table} (id int)")
    server.order(f"AS id.*FROM dbo.{table}", error=error, text="Es ist etwas schiefgegangen.")
    with pytest.raises(kind):
        lake.load(job(table))
