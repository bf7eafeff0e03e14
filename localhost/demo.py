"""`make demo`: the main job end to end on real parts, with real data, and a check of everything it promises.

As in Azure there is no password in the app's settings: it signs in with a managed identity, to the storage as well as
to the vault that holds the connection of the source.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from localhost import demo_view, run_view
from localhost.demo_lake import LakeFile, ask_lake, ask_postgres, download, lake_files, table_counts
from localhost.demo_view import step
from localhost.demo_workbook import (
    API_JOB,
    API_SOURCE,
    CARRIERS,
    CONTAINER,
    FLIGHTS_JOB,
    SOURCE,
    changed_workbook,
    first_workbook,
    job_id,
)
from localhost.flights import SCHEMA, insert_flights, load_flights
from localhost.local_app import LocalApp, local_app
from localhost.services.json_server import JsonServer
from localhost.services.service import HOST

_UNTIL = date(2013, 12, 24)
_NOTICED_WITHIN = 60  # seconds
_LOG_TAIL = 3000


class DemoError(Exception):
    """The demo cannot continue; the text says why."""


@dataclass
class Outcome:
    """What the demo did and found. Runs and rows as the app's API and Table Storage give them."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    lake_files: list[LakeFile] = field(default_factory=list)
    audit_rows: list[dict[str, Any]] = field(default_factory=list)
    promises: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def broken_promises(self) -> list[str]:
        """What should have been true and was not."""
        return [promise for promise, kept in self.promises.items() if not kept]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values, but for times, which print as ISO 8601."""
        return asdict(self)


def run_demo(console: Console) -> Outcome:
    """Run it and print what happens; every service, process and file of it is gone afterwards.

    Raises:
        DemoError: it cannot continue.
        ServiceError: a local service cannot be started.
        HostStartError: the app cannot be started.
        RequestRefusedError: the app refused a request.
    """
    started = time.monotonic()
    outcome = Outcome()
    with _fresh_folder() as folder:
        console.print("Starting Azurite, an identity endpoint, a Key Vault, PostgreSQL and the app …")
        # Only the vault may know the connection: a secrets.toml of this checkout must not help.
        settings = {"SECRETS_FILE": str(folder / "secrets.toml"), "API_PRIVATE_HOSTS": HOST}
        with local_app(folder, settings) as app:
            console.print(f"[green]✓[/] All run, the app at {app.url} ({time.monotonic() - started:.1f} s)")
            _Story(app, folder, console, outcome).run()
    outcome.seconds = round(time.monotonic() - started, 1)
    _conclude(console, outcome)
    return outcome


class _Story:
    """The demo's steps, in their order."""

    def __init__(self, app: LocalApp, folder: Path, console: Console, outcome: Outcome) -> None:
        self._app = app
        self._server = app.services.postgres
        self._folder = folder
        self._console = console
        self._outcome = outcome

    def run(self) -> None:
        """All of them."""
        self._app.put_source(SOURCE, self._app.postgres_connection(self._server.database))
        with (
            step(self._console, f"The flights that left New York in 2013 until {_UNTIL}, into PostgreSQL"),
            self._server.connect() as connection,
        ):
            load_flights(connection, until=_UNTIL)
        counts = {job_id(table): rows for table, rows in table_counts(self._server).items()}
        with self._carriers_api() as carriers:
            self._upload(first_workbook(), "The workbook, uploaded as a blob")
            first = self._run("run 1 loads every table")
        expected = {**counts, API_JOB: carriers}
        self._promise("Run 1 loaded every row of every table, and of the API", _rows(first) == expected)

        with step(self._console, f"The flights after {_UNTIL}, into PostgreSQL"), self._server.connect() as connection:
            new_flights = insert_flights(connection, after=_UNTIL)
        self._upload(changed_workbook(), "A changed workbook without the full loads, uploaded as a blob")
        second = self._run("run 2 loads what is new")
        self._promise(
            f"Run 2 moved exactly the {new_flights:,} new flights", _rows(second) == {FLIGHTS_JOB: new_flights}
        )

        self._look_at_the_lake()
        self._read_the_audit()

    @contextmanager
    def _carriers_api(self) -> Iterator[int]:
        """The airlines, served once more by json-server as a source of their own; gives their number."""
        with self._server.connect() as connection:
            airlines = connection.execute(f"SELECT carrier, name FROM {SCHEMA}.airlines ORDER BY 1".encode()).fetchall()
        carriers = [{"id": carrier, "name": name} for carrier, name in airlines]
        with ExitStack() as stack:
            with step(self._console, "The airlines, served by a REST API"):
                api = stack.enter_context(JsonServer(self._folder / "api", {CARRIERS: carriers}))
            self._app.put_source(API_SOURCE, {"base_url": api.url})
            yield len(carriers)

    def _upload(self, content: bytes, title: str) -> None:
        """Upload a workbook and wait until the blob trigger has made it the active one."""
        before = len(self._app.audit_rows("workbook"))
        with step(self._console, title):
            self._app.upload_workbook(content)
            self._wait(lambda: len(self._app.audit_rows("workbook")) > before, "the blob trigger took in the workbook")
        row = self._app.audit_rows("workbook")[0]  # the newest
        if row["status"] != "ACTIVATED":
            raise DemoError(f"The workbook was refused: {row['problems']}")
        self._console.print(f"  The blob trigger activated it: {row['changes']}")

    def _run(self, title: str) -> dict[str, Any]:
        self._console.print(f"POST /api/runs: {title}")
        run = run_view.follow(self._app, self._app.start_run(), self._console)
        self._console.print(run_view.result(run))
        self._outcome.runs.append(run)
        return run

    def _look_at_the_lake(self) -> None:
        lake = self._app.services.blob_service().get_container_client(CONTAINER)
        files = lake_files(lake)
        self._outcome.lake_files = files
        self._console.print(demo_view.lake(files))
        copy = self._folder / "lake"
        download(lake, files, copy)
        found, count_in_lake = ask_lake(copy)
        expected, count_at_source = ask_postgres(self._server)
        self._console.print(demo_view.comparison(found))
        self._promise("The query gives the same over the Parquet files as in PostgreSQL", found == expected)
        self._promise("Every flight is in the lake once", count_in_lake == count_at_source)

    def _read_the_audit(self) -> None:
        app = self._app
        of_jobs = {run["run_id"]: app.audit_rows(run["run_id"]) for run in self._outcome.runs}
        rows = [*app.audit_rows("runs"), *(row for rows in of_jobs.values() for row in rows)]
        self._outcome.audit_rows = rows
        self._console.print(demo_view.audit(rows))
        succeeded = all(row["status"] in ("SUCCESS", "SUCCEEDED") for row in rows)
        recorded = {key: {row["RowKey"]: row["rows_written"] for row in job_rows} for key, job_rows in of_jobs.items()}
        reported = {run["run_id"]: _rows(run) for run in self._outcome.runs}
        self._promise("The audit table agrees with the app", succeeded and recorded == reported)

    def _promise(self, promise: str, kept: bool) -> None:
        self._outcome.promises[promise] = kept

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _NOTICED_WITHIN
        while not condition():
            if time.monotonic() > deadline:
                log = self._app.host.log_text()[-_LOG_TAIL:]
                raise DemoError(f"Waited {_NOTICED_WITHIN} s until {what}; the app's log ends:\n{log}")
            time.sleep(0.2)


@contextmanager
def _fresh_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="localhost-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # run by root, PostgreSQL becomes another user, who must get in
        yield folder


def _rows(run: Mapping[str, Any]) -> dict[str, int]:
    """The rows that each job of a run moved; nothing for a job that did not succeed."""
    return {job["job_id"]: job["rows_written"] for job in run["jobs"] if job["status"] == "SUCCESS"}


def _conclude(console: Console, outcome: Outcome) -> None:
    console.print()
    for promise, kept in outcome.promises.items():
        console.print(f"[green]✓[/] {promise}" if kept else f"[bold red]✗ {promise}: this is not so[/]")
    console.print(f"Done in {outcome.seconds:.0f} s; all services have ended and their files are removed.")
