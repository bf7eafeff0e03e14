"""The app behind proxies that break its storage and its source, and what must be true after whatever happened."""

from __future__ import annotations

import copy
import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import requests
from deltalake import DeltaTable

from localhost.host.process import HostProcess
from localhost.local_app import APP_FOLDER
from localhost.services import LocalServices
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from tests.conftest import unique_name
from tests.e2e.app import SOURCE, App, jobs_of
from tests.faults.storage_proxy import Decide, Fault, Once, StorageProxy
from tests.faults.tcp_proxy import TcpProxy

INCREMENTAL: dict[str, object] = {"load_type": "INCREMENTAL", "watermark_column": "id"}
UPSERT: dict[str, object] = {
    "load_type": "INCREMENTAL",
    "watermark_column": "version",
    "table_format": "delta",
    "primary_key": "id",
}


@dataclass(frozen=True)
class Flow:
    """One way to load a table.

    Attributes:
        cells: What its row of the workbook says.
        changes: What happens to the source before a further load; `{table}` and `{new}` are filled in.
        first_load: Whether the table is new to the lake.
    """

    cells: dict[str, object]
    changes: tuple[str, ...]


FLOWS = {
    "FULL Parquet": Flow(
        {},
        (
            "insert into {table} values ({new}, 'new')",
            "update {table} set name = 'changed {new}' where id = 2",
            "delete from {table} where id = (select min(id) from {table} where id > 2)",
        ),
    ),
    "INCREMENTAL Parquet": Flow(INCREMENTAL, ("insert into {table} values ({new}, 'new')",)),
    "FULL Delta": Flow(
        {"table_format": "delta"},
        (
            "insert into {table} values ({new}, 'new')",
            "update {table} set name = 'changed {new}' where id = 2",
            "delete from {table} where id = (select min(id) from {table} where id > 2)",
        ),
    ),
    "Delta upsert": Flow(
        UPSERT,
        (
            "insert into {table} values ({new}, 'new')",
            "update {table} set name = 'changed {new}', version = nextval('{table}_version') where id = 2",
        ),
    ),
    "Delta deletes": Flow(
        {**UPSERT, "detect_deletes": "hard", "max_deleted_percent": 100},
        (
            "insert into {table} values ({new}, 'new')",
            "update {table} set name = 'changed {new}', version = nextval('{table}_version') where id = 2",
            "delete from {table} where id = (select min(id) from {table} where id > 2)",
        ),
    ),
}


class BrokenApp(App):
    """The app, with a proxy before its storage and one before its database."""

    patience_seconds = 180.0  # for a run to end

    def __init__(self, services: LocalServices, folder: Path, storage: StorageProxy, **settings: str) -> None:
        self.work_folder = folder / "work"
        self.work_folder.mkdir(parents=True, exist_ok=True)
        own = {
            "JOB_RETRY_SECONDS": "0",
            "LEASE_SECONDS": "15",
            "PROCESS_IDLE_SECONDS": "0.3",
            "SECRET_CACHE_SECONDS": "0",
            "WORK_FOLDER": str(self.work_folder),
        }
        super().__init__(services, folder / "host", **(own | storage.settings() | settings))
        self.storage = storage

    def postgres_through(self, proxy: TcpProxy) -> None:
        """Let the jobs reach the database through a proxy, from the next secret that is read."""
        self.put_source(SOURCE, self.postgres_connection(self.database) | {"port": proxy.port})

    def wait(self, run_id: str) -> dict[str, Any]:
        """As in `App`, with fewer questions: they, too, go through the proxy."""
        deadline = time.monotonic() + self.patience_seconds
        while (run := self.get_run(run_id))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{run}\n{self.host.log_text()[-6000:]}"
            time.sleep(self.patience_seconds / 400)
        return run

    # processes

    @property
    def attempts(self) -> list[psutil.Process]:
        """The child processes in which attempts run now, or ran a moment ago."""
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.host.pid).children(recursive=True)
            servers = [child for child in family if _is_fork_server(child)]
            return [attempt for server in servers for attempt in server.children()]
        return []

    def kill_attempts(self) -> None:
        for attempt in self.attempts:
            with suppress(psutil.NoSuchProcess):
                attempt.kill()

    def kill_host(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.host.pid, signal.SIGKILL)

    def kill_both(self) -> None:
        self.kill_attempts()
        self.kill_host()

    @property
    def processes(self) -> list[psutil.Process]:
        """The host and everything below it."""
        host = psutil.Process(self.host.pid)
        return [host, *host.children(recursive=True)]

    @contextmanager
    def twin(self) -> Iterator[BrokenApp]:
        """Another instance of the same app: same storage, same workbook, a host of its own."""
        twin = copy.copy(self)
        twin.host = HostProcess(APP_FOLDER, self.work_folder.with_name(f"twin-{unique_name()}"), self.settings)
        twin.host.start()
        try:
            yield twin
        finally:
            twin.host.kill()

    def start_fatal_run(self, job_id: str) -> str:
        """Start a run that may kill the host, perhaps before it has answered."""
        run_id = f"fatal-{unique_name()}"
        with suppress(requests.ConnectionError):
            self.start_run(run_id=run_id, job_ids=[job_id])
        return run_id

    def wait_over_restart(self, run_id: str, met: Callable[[], bool], what: str) -> dict[str, Any]:
        """Wait until the host was killed, start it again, and wait for the end of the run."""
        try:
            self.until(met, what)
        finally:  # also for the tests that follow
            self.restart()
        return self.wait(run_id)

    def restart(self) -> None:
        """Start the host again, which may have been killed."""
        self.host.kill()
        self.host.start()

    # breaking

    @contextmanager
    def breaking(self, decide: Decide) -> Iterator[None]:
        """Break the requests to storage as `decide` says, as long as the context lasts."""
        self.storage.decide = decide
        try:
            yield
        finally:
            self.storage.decide = lambda _: None

    def run_killing(self, stage: str, when: Any, victim: str, job_id: str) -> dict[str, Any]:
        """Run a job and kill `victim` (child, host or both) at the first request of a stage; the ended run."""
        once = Once(stage, Fault("call", when, function=self.killing(victim)))
        with self.breaking(once):
            if victim == "child":
                run = self.run(job_ids=[job_id])
            else:
                run_id = self.start_fatal_run(job_id)
                run = self.wait_over_restart(run_id, once.met.is_set, f"the stage '{stage}' is reached")
        assert once.met.is_set(), f"the run had no '{stage}'"
        return run

    def when_postgres_has_sent(self, proxy: TcpProxy, size: int, victim: str) -> threading.Event:
        """Kill `victim` once a connection has brought `size` bytes; the event is set when that has happened."""
        happened = threading.Event()

        def act() -> None:
            self.killing(victim)()
            happened.set()

        proxy.on_bytes = (size, act)
        return happened

    def killing(self, victim: str) -> Callable[[], None]:
        """What kills a victim: the child, the host, or both."""
        return {"child": self.kill_attempts, "host": self.kill_host, "both": self.kill_both}[victim]

    # tables

    def create_versioned_table(self, name: str, rows: int = 5) -> None:
        """A table of id, name and a version that each insert and update raises."""
        self.execute(
            f"create sequence {name}_version",
            f"create table {name} (id bigint primary key, name text, version bigint default nextval('{name}_version'))",
            f"insert into {name} (id, name) select n, '{name} ' || n from generate_series(1, {rows}) n",
        )

    def change(self, table: str, flow: Flow) -> None:
        new = self.query(f"select max(id) + 1 from {table}")[0][0]
        self.execute(*(change.format(table=table, new=new) for change in flow.changes))

    # what must be true

    def delta(self, table: str) -> DeltaTable:
        options = {
            "azure_storage_account_name": ACCOUNT,
            "azure_storage_account_key": ACCOUNT_KEY,
            "azure_storage_endpoint": self.services.azurite.blob_url,
            "allow_invalid_certificates": "true",
        }
        return DeltaTable(f"az://{self.lake_name}/raw/{SOURCE}_{table}/{table}", storage_options=options)

    def rows_in_lake(self, table: str, flow: Flow) -> list[tuple[Any, ...]]:
        if "table_format" in flow.cells:
            rows = self.delta(table).to_pyarrow_table().to_pylist()
            return sorted(tuple(row.values()) for row in rows)
        return self.lake_rows(table)

    def assert_whole(self, table: str, flow: Flow, *, at_rest: bool = True) -> None:
        """The lake's table is the source's, row by row, and nothing else lies about."""
        assert self.rows_in_lake(table, flow) == self.source_rows(table)
        if "table_format" not in flow.cells:
            manifest = self.manifest(table)
            prefix = f"raw/{SOURCE}_{table}/{table}/"
            assert {prefix + file["path"] for file in manifest["files"]} == set(self.lake_files(table))
            assert manifest["rows"] == len(self.source_rows(table))
        if not at_rest:
            return
        self.assert_only_committed_files(table)
        self.assert_no_attempt_is_left()

    def assert_no_attempt_is_left(self) -> None:
        """No process, once those that wait for more work have waited long enough, and no working folder."""
        self.until(lambda: not self.attempts, "every attempt's process has ended")
        assert list(self.work_folder.iterdir()) == []

    def readable_rows(self, table: str) -> list[tuple[Any, ...]]:
        """What a reader of the manifest sees."""
        prefix = f"raw/{SOURCE}_{table}/{table}/"
        files = [self.lake_container.download_blob(prefix + file["path"]) for file in self.manifest(table)["files"]]
        rows = [row for file in files for row in pq.read_table(BytesIO(file.readall())).to_pylist()]
        return sorted(tuple(row.values()) for row in rows)

    def assert_only_committed_files(self, table: str) -> None:
        """Every state file belongs to a load that has its record."""
        folder = f"raw/{SOURCE}_{table}/"
        names = [name[len(folder) :] for name in self.lake_container.list_blob_names(name_starts_with=folder)]
        loads = {name.split("__")[-1][: -len(".jsonl")] for name in names if name.startswith("_dlt_loads/")}
        states = {name.split("__")[1] for name in names if name.startswith("_dlt_pipeline_state/") and "__" in name}
        assert states <= loads

    def manifest(self, table: str) -> dict[str, Any]:
        name = f"raw/{SOURCE}_{table}/{table}/_manifest.json"
        content: dict[str, Any] = json.loads(self.lake_container.download_blob(name).readall())
        return content

    def assert_audit_shows(self, run: dict[str, Any], job_id: str, rows: int, watermark: int | None) -> None:
        """The run, the job's history and the ledger say what the load did."""
        assert run["status"] == "SUCCEEDED", run
        job = jobs_of(run)[job_id]
        assert (job["status"], job["rows_extracted"], job["rows_written"]) == ("SUCCESS", rows, rows), job
        history = self.audit_rows(f"job:{job_id}")[0]
        assert (history["run_id"], history["status"], history["rows_written"]) == (run["run_id"], "SUCCESS", rows)
        ledger = self.audit_rows(f"ledger:{job_id}")[0]
        assert (ledger["run_id"], ledger["load_id"], ledger["rows_written"]) == (run["run_id"], job["load_id"], rows)
        if watermark is not None:
            assert job["watermark_after"] == ledger["watermark_after"] == str(watermark)


def _is_fork_server(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # an idle one may end while it is looked at
        return any("multiprocessing.forkserver" in part for part in process.cmdline())
    return False


_numbers = itertools.count()


def loaded_job(app: BrokenApp, flow: str) -> str:
    """A job with a table of its own that was loaded once, and whose source has changed since."""
    job = f"broken_{next(_numbers)}"
    app.put_source(SOURCE, app.postgres_connection(app.database))  # another app of the session may have put its own
    app.create_versioned_table(job)
    app.put_workbook(app.row(job, job, **FLOWS[flow].cells))
    run = app.run()
    assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
    app.change(job, FLOWS[flow])
    return job


@contextmanager
def broken_app(
    services: LocalServices, folder: Path, *, hub_behind_proxy: bool = False, **settings: str
) -> Iterator[BrokenApp]:
    """A running app behind a storage proxy; if wanted its host, too, which does not outlive a long outage."""
    with ExitStack() as stack:
        azurite = services.azurite
        storage = stack.enter_context(
            StorageProxy(folder / "proxy", services.certificates, azurite.blob_url, azurite.table_url)
        )
        hub = {"AzureWebJobsStorage__blobServiceUri": storage.blob_url} if hub_behind_proxy else {}
        app = BrokenApp(services, folder, storage, **settings, **hub)
        stack.callback(app.host.kill)
        app.host.start()
        yield app
