"""The whole app as its users see it: a workbook in a blob, HTTP, timers, the lake's files and the audit table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from localhost.local_app import LocalApp
from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.conftest import unique_name

SOURCE = "shop_pg"


class App(LocalApp):
    """One instance of the app with containers, an audit table and a database of its own."""

    def __init__(self, services: LocalServices, folder: Path, **settings: str) -> None:
        self.name = unique_name()
        self.lake_name = f"{self.name}-lake"
        own = {"CONFIG_CONTAINER": f"{self.name}-config", "AUDIT_TABLE": self.name, "JOB_RETRY_SECONDS": "1"}
        super().__init__(services, folder, own | settings)
        self.database = unique_name()
        services.postgres.create_database(self.database)
        self.put_source(SOURCE, self.postgres_connection(self.database))

    @contextmanager
    def sql(self) -> Iterator[psycopg.Connection[Any]]:
        with self.services.postgres.connect(self.database) as connection:
            yield connection

    def execute(self, *statements: str) -> None:
        with self.sql() as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.sql() as connection:
            return connection.execute(statement).fetchall()

    # the workbook

    def upload(self, *rows: Mapping[str, object]) -> None:
        """Upload a workbook and wait until the app says what became of it."""
        before = len(self.workbook_rows())
        self.upload_workbook(a_workbook(*rows))
        self.until(lambda: len(self.workbook_rows()) > before, "the upload is noticed")

    def row(self, job_id: str, table_name: str, **cells: object) -> dict[str, object]:
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

    # runs

    def run(self, **body: Any) -> dict[str, Any]:
        """Start a run, wait for its end and return what `GET /api/runs/{run_id}` says."""
        return self.wait(self.start_run(**body))

    def wait(self, run_id: str, seconds: float = 120) -> dict[str, Any]:
        return self.until(
            lambda: (run := self.get_run(run_id)).get("status") not in (None, "RUNNING") and run,
            f"run {run_id} ends",
            seconds,
        )

    def until(self, condition: Any, what: str, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.1)
        raise AssertionError(f"Waited {seconds} s until {what}.\n{self.host.log_text()[-6000:]}")

    # what is left behind

    def workbook_rows(self) -> list[dict[str, Any]]:
        return self.audit_rows("workbook")

    def lake_files(self, table_name: str) -> dict[str, bytes]:
        """The Parquet files of a table, as a reader that knows nothing of loads would find them."""
        container = self.services.blob_service().get_container_client(self.lake_name)
        prefix = f"raw/{SOURCE}_{table_name}/{table_name}/"
        return {
            blob.name: container.download_blob(blob.name).readall()
            for blob in container.list_blobs(prefix)
            if blob.name.endswith(".parquet")
        }

    def lake(self, table_name: str) -> pa.Table:
        return pa.concat_tables(
            [pq.read_table(BytesIO(content)) for content in self.lake_files(table_name).values()],
            promote_options="default",
        )

    def lake_rows(self, table_name: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row.values()) for row in self.lake(table_name).to_pylist())
