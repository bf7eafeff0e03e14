"""The whole app as its users see it: a workbook in a blob, HTTP, timers, the lake's files and the audit table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import requests
from azure.storage.blob import ContainerClient
from deltalake import DeltaTable

from localhost.local_app import LocalApp
from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.conftest import unique_name
from tests.e2e.contract import assert_as_documented

SOURCE = "shop_pg"
_STORAGE_PROVIDER = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"
_WAITING_READERS = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

T = TypeVar("T")


class App(LocalApp):
    """One instance of the app with containers, an audit table and a database of its own.

    Attributes:
        responses: every answer to a request so far.
    """

    def __init__(self, services: LocalServices, folder: Path, **settings: str) -> None:
        self.name = unique_name()
        self.lake_name = f"{self.name}-lake"
        own = {"CONFIG_CONTAINER": f"{self.name}-config", "AUDIT_TABLE": self.name, "JOB_RETRY_SECONDS": "1"}
        # The work of a host that was killed comes back soon, not after a minute.
        own |= {f"{_STORAGE_PROVIDER}{queue}QueueVisibilityTimeout": "00:00:03" for queue in ("workItem", "control")}
        own |= {"LEASE_SECONDS": "15"}
        super().__init__(services, folder, own | settings)
        self.responses: list[requests.Response] = []
        self.database = unique_name()
        services.postgres.create_database(self.database)
        self.put_source(SOURCE, self.postgres_connection(self.database))

    # the source

    @contextmanager
    def sql(self) -> Iterator[psycopg.Connection[Any]]:
        """One transaction on the app's database, committed at the end."""
        with self.services.postgres.connect(self.database) as connection:
            yield connection

    def execute(self, *statements: str) -> None:
        with self.sql() as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.sql() as connection:
            return connection.execute(statement).fetchall()

    def create_tables(self, *names: str, rows: int = 3) -> None:
        """Make tables of an id, from 1, and a text."""
        for name in names:
            self.execute(
                f"create table {name} (id bigint primary key, name text)",
                f"insert into {name} select n, '{name} ' || n from generate_series(1, {rows}) n",
            )

    @contextmanager
    def locked(self, *tables: str, readers: int = 0) -> Iterator[Callable[[], None]]:
        """Keep the tables from being read; gives a function that waits until `readers` loads wait for them."""

        def until_readers_wait() -> None:
            counted = f"select count(*) {_WAITING_READERS}"
            self.until(lambda: self.query(counted) == [(readers,)], f"{readers} loads wait for the locked tables")

        with self.sql() as connection:
            connection.execute(f"lock table {', '.join(tables)} in access exclusive mode")
            yield until_readers_wait

    def end_waiting_readers(self) -> None:
        """End the connections that wait for locked tables, as an administrator or a failover does."""
        self.execute(f"select pg_terminate_backend(pid) {_WAITING_READERS}")

    # the workbook

    def row(self, job_id: str, table_name: str, **cells: object) -> dict[str, object]:
        """A row of the workbook: a FULL load of a table of the app's database, but for what is named."""
        return {
            "job_id": job_id,
            "source_type": "PostgreSQL",
            "source_name": SOURCE,
            "schema_name": "public",
            "table_name": table_name,
            "load_type": "FULL",
            "enabled": "Y",
            "target_container": self.lake_name,
            "target_folder_path": "raw",
            **cells,
        }

    def put_workbook(self, *rows: Mapping[str, object], sources: Sequence[Mapping[str, object]] = ()) -> None:
        """Upload a workbook in the place of the one before; the next run that is asked for takes it in."""
        replacement = {"request_id": f"replacement-{uuid4().hex}", "action": "remove_jobs"}
        self.upload_workbook(a_workbook(*rows, sources=sources, requests=[replacement]))

    def upload(self, content: bytes) -> dict[str, Any]:
        """Upload a workbook and give the audit row that says what became of it, and not of one before."""
        digest = sha256(content).hexdigest()

        def rows() -> list[dict[str, Any]]:
            return [row for row in self.audit_rows("workbook") if row["sha256"] == digest]

        before = {row["RowKey"] for row in rows()}
        self.upload_workbook(content)
        return self.until(
            lambda: next((row for row in rows() if row["RowKey"] not in before), None), "the upload is noticed"
        )

    # runs

    def request(self, method: str, path: str, body: Any = None, seconds: float = 120) -> requests.Response:
        response = super().request(method, path, body, seconds)
        self.responses.append(response)
        assert_as_documented(response)
        return response

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request without the function key."""
        response = requests.request(method, f"{self.host.url}{path}", timeout=60, **options)
        self.responses.append(response)
        assert_as_documented(response)
        return response

    def fire_timer(self, function: str = "scheduled_run") -> None:
        """Fire a timer out of turn, as one does on the real host."""
        headers = {"x-functions-key": self.host.master_key}
        response = self.send("POST", f"/admin/functions/{function}", headers=headers, json={})
        assert response.status_code == requests.codes.accepted

    def run(self, **body: Any) -> dict[str, Any]:
        """Start a run, wait for its end and return what `GET /api/runs/{run_id}` says."""
        return self.wait(self.start_run(**body))

    def load(self, job_id: str) -> dict[str, Any]:
        """Run one job and return its row of the ended run."""
        return jobs_of(self.run(job_ids=[job_id]))[job_id]

    def wait(self, run_id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.get_run(run_id)
            return run if run.get("status") not in (None, "RUNNING") else None

        return self.until(ended, f"run {run_id} ends")

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = 180) -> T:
        """The first true value of `condition`, or an AssertionError that shows the host's log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.1)
        raise AssertionError(f"Waited {seconds} s until {what}.\n{self.host.log_text()[-6000:]}")

    def run_rows(self) -> list[dict[str, Any]]:
        return self.audit_rows("runs")

    # the lake

    @property
    def lake_container(self) -> ContainerClient:
        return self.services.blob_service().get_container_client(self.lake_name)

    def lake_files(self, table_name: str, source_name: str = SOURCE) -> dict[str, bytes]:
        """The Parquet files of a table, as a reader that knows nothing of loads would find them."""
        prefix = f"raw/{source_name}_{table_name}/{table_name}/"
        return {
            name: self.lake_container.download_blob(name).readall()
            for name in self.lake_container.list_blob_names(name_starts_with=prefix)
            if name.endswith(".parquet")
        }

    def lake(self, table_name: str) -> pa.Table:
        tables = [pq.read_table(BytesIO(content)) for content in self.lake_files(table_name).values()]
        return pa.concat_tables(tables, promote_options="default") if tables else pa.table({})

    def lake_rows(self, table_name: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row.values()) for row in self.lake(table_name).to_pylist())

    def delta_rows(self, table_name: str, source_name: str = SOURCE) -> list[tuple[Any, ...]]:
        """The rows of a Delta table, from a copy of its folder."""
        prefix = f"raw/{source_name}_{table_name}/{table_name}/"
        with TemporaryDirectory() as folder:
            for name in self.lake_container.list_blob_names(name_starts_with=prefix):
                copy = Path(folder) / name.removeprefix(prefix)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(self.lake_container.download_blob(name).readall())
            return sorted(tuple(row.values()) for row in DeltaTable(folder).to_pyarrow_table().to_pylist())

    def source_rows(self, table_name: str) -> list[tuple[Any, ...]]:
        return sorted(self.query(f"select * from {table_name}"))


def jobs_of(run: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The jobs that `GET /api/runs/{run_id}` shows, by id."""
    return {job["job_id"]: job for job in run["jobs"]}
