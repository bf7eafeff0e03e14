"""One cell of the matrix fault x moment x trigger: a run that is started, broken, and has to be right everywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import requests

from localhost.api_client import RequestRefusedError
from localhost.host.process import HostProcess
from localhost.local_app import APP_FOLDER
from tests.builders import a_workbook
from tests.conftest import unique_name
from tests.faults.interventions import for_seconds, kill_worker, listed, manage, refusing_audit
from tests.faults.rig import BrokenApp
from tests.faults.stages import StorageRequest
from tests.faults.storage_proxy import Decide, Fault
from tests.webhook_server import Webhook

TRIGGERS = {"timer": "scheduled-", "HTTP": "http-", "upload": "requests-", "request": "requests-"}
"""What starts the run, and how its id begins."""
MOMENTS = ("planning", "extract", "commit", "recording", "finishing")
OUTAGE_SECONDS = 12


@dataclass
class Cell:
    """A run of two jobs, one that can load and one whose table does not exist.

    Attributes:
        trigger: What starts it, of `TRIGGERS`.
        good: The job that loads, and its table.
        bad: The job that fails.
        run_id: The run, once it has shown up.
        rows_before: What the lake has of the table when the run starts.
        other_log: What another host of the app has logged.
    """

    app: BrokenApp
    webhook: Webhook
    trigger: str
    good: str = field(default_factory=lambda: f"{unique_name()}_good")
    run_id: str = ""
    rows_before: list[tuple[Any, ...]] = field(default_factory=list)
    workbook: bytes = b""
    other_log: str = ""

    @property
    def bad(self) -> str:
        return self.good.replace("good", "bad")

    @property
    def digest(self) -> str:
        return sha256(self.workbook).hexdigest()

    @property
    def requests(self) -> dict[str, str]:
        """The one-off requests that the run carries out: their ids by job."""
        if not TRIGGERS[self.trigger].startswith("requests"):
            return {}
        return {job: f"request-{job}" for job in (self.good, self.bad)}

    def prepare(self) -> None:
        """Make the source's table and whatever was there before the run."""
        self.app.create_tables(self.good)
        if self.trigger != "upload":
            self._upload_jobs({})
        if self.trigger == "request":  # the job has loaded before, and its table has changed since
            assert self.app.load(self.good)["status"] == "SUCCESS"
            self.rows_before = self.app.lake_rows(self.good)
            self.app.execute(f"insert into {self.good} values (99, 'new')")

    def start(self) -> None:
        """Start the run; the host may die or freeze before it has answered, its worker may die."""
        self._known = {row["run_id"] for row in self.app.run_rows()}
        with suppress(requests.RequestException, RequestRefusedError):
            if self.trigger == "timer":
                self.app.fire_timer()
            elif self.trigger == "HTTP":
                self.app.start_run(run_id=f"http-{unique_name()}")
            else:
                self._upload_jobs(self.requests, wait=False)

    def _upload_jobs(self, one_off: dict[str, str], wait: bool = True) -> None:
        action = "full_refresh" if self.trigger == "request" else "run"
        orders = [{"request_id": name, "job_id": job, "action": action} for job, name in one_off.items()]
        orders.append({"request_id": f"replacement-{unique_name()}", "action": "remove_jobs"})
        self.workbook = a_workbook(*(self.app.row(job, job) for job in (self.good, self.bad)), requests=orders)
        if wait:
            assert self.app.upload(self.workbook)["status"] == "ACTIVATED"
        else:
            self.app.upload_workbook(self.workbook)

    def notice(self, request: StorageRequest) -> None:
        """Learn the run's id from the first row that is written of it."""
        if not self.run_id and request.stage == "run row":
            run_id = str(json.loads(request.body).get("run_id", ""))
            if run_id.startswith(TRIGGERS[self.trigger]) and run_id not in self._known:
                self.run_id = run_id

    def is_at(self, moment: str, request: StorageRequest) -> bool:
        """Whether a request to storage belongs to the run and is what a moment begins with."""
        if moment == "commit":
            return request.stage == "write record" and self.good in request.path
        if moment == "recording":
            return request.stage == "audit row" and self.good in f"{request.path}{request.body.decode()}"
        if request.stage != "run row" or not self.run_id:
            return False
        row, stage = json.loads(request.body), "finished" if moment == "finishing" else moment
        return bool(row.get("run_id") == self.run_id and row.get("stage") == stage)

    def has_ended(self) -> bool:
        """Whether the detail of the run says so; False while nothing answers."""
        with suppress(RequestRefusedError, requests.ConnectionError):
            return bool(self.run_id and self.app.get_run(self.run_id)["status"] != "RUNNING")
        return False


class Breakage:
    """What breaks a run: what happens at the moment, and how the world is right again."""

    loses_request = False  # whether the request of the moment is lost

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.app = cell.app
        self.meanwhile: Decide = lambda _: None  # decides about the requests after the moment

    def strike(self) -> None:
        """Break it."""
        raise NotImplementedError

    def hold(self) -> None:
        """Called after `strike` while the request of the moment is on its way; returns when it may go on."""

    def recover(self) -> None:
        """Do what a platform or an operator does next."""


class WorkerKilled(Breakage):
    """The worker dies; the host starts another one."""

    loses_request = True

    def strike(self) -> None:
        kill_worker(self.app)


class HostKilled(Breakage):
    """The host dies with all below it, and is started again."""

    loses_request = True

    def strike(self) -> None:
        self.app.kill_host()

    def recover(self) -> None:
        self.app.restart()


class HostFrozen(Breakage):
    """The host pauses with all below it, another one takes its work, and the first one continues after that."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._thawed = threading.Event()

    def strike(self) -> None:
        self.app.host.freeze()

    def hold(self) -> None:
        self._thawed.wait(120)

    def recover(self) -> None:
        frozen = self.app.host
        state = self.app.work_folder.with_name("host")
        other = HostProcess(APP_FOLDER, state.with_name(f"other-{unique_name()}"), self.app.settings, hub_folder=state)
        try:
            other.start()
            self.app.host = other
            self.app.until(self.cell.has_ended, "the other host ends the run")
        finally:
            self.app.host = frozen
            self._thawed.set()
            frozen.thaw()
            self.cell.other_log = other.log_text()
            other.stop()


class AuditRefused(Breakage):
    """Every request to the audit table is refused for some seconds."""

    loses_request = True

    def strike(self) -> None:
        self._is_over = for_seconds(OUTAGE_SECONDS)
        self.meanwhile = refusing_audit(self._is_over)

    def recover(self) -> None:
        self.app.until(self._is_over, "the outage is over")


class Terminated(Breakage):
    """An operator terminates the run with Durable Functions' own API."""

    def strike(self) -> None:
        manage(self.app, self.cell.run_id, "terminate")


class Suspended(Breakage):
    """An operator suspends the run, sees that it is suspended, and resumes it."""

    def strike(self) -> None:
        manage(self.app, self.cell.run_id, "suspend")

    def recover(self) -> None:
        run_id = self.cell.run_id

        def is_shown() -> bool:
            run = self.app.get_run(self.cell.run_id)
            return (
                run["stage"] in ("suspended", "finished") and run["stage"] == listed(self.app, run["run_id"])["stage"]
            )

        self.app.until(is_shown, "detail and list show that the run is suspended")
        manage(self.app, run_id, "resume")


BREAKAGES: dict[str, Callable[[Cell], Breakage]] = {
    "worker killed": WorkerKilled,
    "host killed": HostKilled,
    "host frozen": HostFrozen,
    "audit refused": AuditRefused,
    "terminated": Terminated,
    "suspended": Suspended,
}


class At:
    """Breaks the run at the first request of a moment, and lets the breakage decide about those that follow."""

    def __init__(self, cell: Cell, moment: str, breakage: Breakage) -> None:
        self._cell, self._moment, self._breakage = cell, moment, breakage
        self._lock = threading.Lock()
        self._is_met = False
        self.struck = threading.Event()

    def __call__(self, request: StorageRequest) -> Fault | None:
        with self._lock:
            self._cell.notice(request)
            if self._is_met or not self._cell.is_at(self._moment, request):
                return self._breakage.meanwhile(request)
            self._is_met = True
        return Fault("call" if self._breakage.loses_request else "hold", function=self._act)

    def _act(self) -> None:
        self._breakage.strike()
        self.struck.set()
        self._breakage.hold()


@contextmanager
def broken_at(cell: Cell, moment: str, breakage: Breakage) -> Iterator[None]:
    """Start the run of a cell and break it at a moment; the context is entered when that has happened."""
    at = At(cell, moment, breakage)
    with cell.app.breaking(at), ThreadPoolExecutor(1) as caller:  # a frozen host answers after it was thawed
        if moment == "extract":  # the load waits for the rows of its table
            with cell.app.locked(cell.good, readers=1) as until_readers_wait:
                started = caller.submit(cell.start)
                until_readers_wait()
                breakage.strike()
        else:
            started = caller.submit(cell.start)
            cell.app.until(at.struck.is_set, f"the run is at its moment '{moment}'")
        yield
        started.result()
