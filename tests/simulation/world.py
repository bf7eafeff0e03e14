"""One world for one seed: the app on some hosts, its storage, its sources, its users, and an hour of faults."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import orchestrators.ingestion_run
import orchestrators.source_lane
from activities.finish_run import finish_run
from activities.load_job import load_job
from activities.plan_run import plan_run
from orchestrators.versions import under_its_version
from shared.activation.versions import ACTIVE, Snapshot
from shared.models.job import Job, Request, Source
from shared.runs.start import start_ordered_run, start_scheduled_run
from shared.runs.uploads import take_in_upload
from shared.runs.watch import watch_over
from shared.workbook.configuration import Configuration
from tests.builders import a_job
from tests.simulation.durable.client import Client
from tests.simulation.durable.engine import Engine
from tests.simulation.edges import deploy, enter
from tests.simulation.faults import Dice, Mixture, a_mixture
from tests.simulation.hosts import Hosts, Timer
from tests.simulation.invariants import Invariants
from tests.simulation.kernel import Kernel
from tests.simulation.model.attempt import Readings
from tests.simulation.model.child import BROKEN
from tests.simulation.model.sources import Tables
from tests.simulation.notices import Notices
from tests.simulation.operator import Operator
from tests.simulation.storage.blob_clients import BlobServiceClient
from tests.simulation.storage.blob_store import BlobStore
from tests.simulation.storage.lake_files import LakeFiles
from tests.simulation.storage.table_clients import TableServiceClient
from tests.simulation.storage.table_store import TableStore

MINUTE = 60.0
FAULTS_LAST = 60 * MINUTE
BOUND = 180 * MINUTE  # after the faults, until everything has ended
LAKE_FOLDER = "raw"


class ViolationError(Exception):
    """Something is not as it must be."""


@dataclass
class Findings:
    """What came of a seed."""

    seed: int
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    runs: int = 0
    loads: int = 0


class World:
    """Everything there is.

    Args:
        seed: Decides all.
        is_traced: Whether to write down what happens.
        mixture: The faults at single requests; None leaves them to the seed.
    """

    def __init__(self, seed: int, is_traced: bool = False, mixture: Mixture | None = None) -> None:
        self.findings = Findings(seed)
        self.random = Random(seed)
        self._is_traced = is_traced
        self.kernel = kernel = Kernel()
        self.dice = Dice(kernel, self.random, mixture or a_mixture(self.random), self.note)
        self.config, self.lake = BlobStore(lambda: kernel.now), BlobStore(lambda: kernel.now)
        self.audit = TableStore(lambda: kernel.now)
        self.config.create_container("config")
        self.lake.create_container("lake")
        self.blobs = {
            "ConfigStorage": BlobServiceClient(self.config, self._sender("config")),
            "LakeStorage": BlobServiceClient(self.lake, self._sender("lake")),
        }
        self.tables = TableServiceClient(self.audit, self._sender("audit"))
        self.engine = Engine(kernel, self.dice, _ORCHESTRATORS)
        self.client: Any = Client(self.engine, self._sender("extension"))
        activities = _ACTIVITIES | {"load_job": self._load_job}
        self.hosts = Hosts(kernel, self.dice, self.engine, activities, self.random.randint(1, 2), self.note)
        self.jobs, self._sources = _jobs(self.random)
        self.sources = Tables(self.random, self.jobs)
        self.readings = Readings(kernel, self.dice, self.sources, LakeFiles(self.blobs["LakeStorage"]))
        self.notices = Notices(kernel, self.violate)
        self.invariants = Invariants(self, self.jobs)
        self.operator = Operator(self)
        self.accepted: set[str] = set()  # runs that callers were promised
        self.cancelled: set[str] = set()  # runs that have to end although they may have been suspended
        self._uploads: list[tuple[str, bool]] = []
        self._requests: list[Request] = []

    def run(self) -> Findings:
        """Live through an hour of faults, and see whether everything comes to its end."""
        enter(self)
        try:
            self._begin()
            self._suffer()
            self._recover()
        except ViolationError:
            pass
        finally:
            with suppress(ViolationError):
                self.kernel.close()
        return self.findings

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self._is_traced:
            self.findings.trace.append(f"{self.kernel.moment:%H:%M:%S.%f}"[:-3] + f" {text}")

    def violate(self, text: str) -> None:
        """Report what must not be."""
        self.note(f"VIOLATION: {text}")
        self.findings.violations.append(text)

    def limit(self, source_name: str) -> int:
        return next(one.max_concurrent_jobs or 4 for one in self._sources if one.source_name == source_name)

    def upload(self, requests: int, is_broken: bool = False) -> None:
        """A user uploads a workbook."""
        for _ in range(requests):
            job = self.random.choice(self.jobs)
            request_id = f"request-{len(self._requests) + 1}"
            self._requests.append(Request(request_id=request_id, job_id=job.job_id, action="full_refresh"))
        jobs = [job.model_copy(update={"priority": len(self._uploads)}) for job in self.jobs]
        configuration = Configuration(jobs=tuple(jobs), sources=self._sources, requests=tuple(self._requests))
        content = BROKEN + bytes([len(self._uploads)]) if is_broken else configuration.model_dump_json().encode()
        sha256 = hashlib.sha256(content).hexdigest()
        self.note(f"upload {sha256[:12]}{', broken' if is_broken else ''}, {requests} request(s)")
        self._uploads.append((sha256, is_broken))
        self.config.put("config", "ingestion_config.xlsx", content, {}, overwrite=True)
        self.kernel.call_in(self.random.uniform(0.7, 4.0), lambda: self.hosts.blob_written(self._workbook_uploaded))

    @property
    def run_ids(self) -> set[str]:
        """Every run that was started or promised."""
        return self.accepted | {one for one in self.engine.started if ":lane-" not in one}

    def last_uploads(self) -> list[str]:
        """The uploads that must have a row: the last one, of which nothing has taken the place."""
        return [self._uploads[-1][0]]

    def wanted_requests(self) -> set[str]:
        """The requests of the active workbook."""
        active = self.config.containers["config"].get(ACTIVE)
        snapshot = Snapshot.model_validate_json(active.content) if active else None
        return {request.request_id for request in snapshot.configuration.requests} if snapshot else set()

    def _begin(self) -> None:
        self.dice.is_on = False
        self.upload(requests=0)
        self.kernel.run(self.kernel.now + MINUTE)
        self.dice.is_on = True
        self.hosts.add_timer(Timer("scheduled_run", 30 * MINUTE, self._scheduled_run))
        self.hosts.add_timer(Timer("watch", 10 * MINUTE, self._watch))
        begin = self.kernel.now
        busy = self.random.choice((5, 5, 5, 5, 25))
        for act, most in ((self._shock, 4), (self.operator.act, busy), (self.sources.change, 6)):
            for _ in range(self.random.randint(0, most)):
                self.kernel.call_at(begin + self.random.uniform(0, FAULTS_LAST), act)

    def _suffer(self) -> None:
        self.kernel.run(self.kernel.now + FAULTS_LAST)

    def _recover(self) -> None:
        self.note("the faults have stopped")
        self.dice.stop()
        for instance in self.engine.active():
            if instance.instance_id.partition(":lane-")[0] not in self.cancelled:
                self.engine.resume(instance.instance_id)
        if not self._has_ended(BOUND):
            return
        self.kernel.run(self.kernel.now + 11 * MINUTE)
        if not self.invariants.unfinished():
            self.invariants.at_rest()
        last = None
        while last is None:  # the hosts may still be away or stand still
            self.kernel.run(self.kernel.now + 10 * MINUTE)
            last = self.hosts.invoke("scheduled_run", lambda: self._scheduled_run(False))
        self.kernel.run(self.kernel.now + MINUTE)
        if last.error:
            self.violate(f"a run without faults could not be started: {last.error}")
        if self._has_ended(60 * MINUTE):  # now the lake has to be what the sources are
            self.invariants.at_the_end()
        self.findings.runs = len(self.run_ids)

    def _has_ended(self, bound: float) -> bool:
        """Wait until everything has ended, and for the next tick of the watch."""
        deadline = self.kernel.now + bound
        while unfinished := self.invariants.unfinished():
            if self.kernel.now >= deadline:
                for text in unfinished:
                    self.violate(f"{bound / MINUTE:g} minutes later {text}")
                return False
            self.kernel.run(self.kernel.now + 5 * MINUTE)
        return True

    def _shock(self) -> None:
        """Something happens to more than one request."""
        random, now = self.random, self.kernel.now
        host = random.choice(self.hosts.hosts)
        kind = random.choice(("host", "worker", "frost", "outage", "outage", "source", "deploy"))
        self.note(f"shock: {kind}")
        if kind == "host":
            self.hosts.stop(host, random.choice((10.0, 60.0, 400.0, 2000.0)))
        elif kind == "worker" and host.is_up:
            self.hosts.kill_process(host.worker)
        elif kind == "frost":
            host.worker.freeze(now + random.choice((20.0, 70.0, 320.0, 700.0)))
        elif kind == "outage":
            service = random.choice(("audit", "config", "lake", "extension", "webhook"))
            self.dice.outages[service] = now + random.choice((5.0, 30.0, 200.0, 900.0))
            self.note(f"{service} is away until {datetime.fromtimestamp(self.dice.outages[service], UTC):%H:%M:%S}")
        elif kind == "source":
            self.readings.failing_until = now + random.choice((30.0, 300.0, 1800.0))
        elif kind == "deploy":
            if random.random() < 0.5:
                self.engine.version += 1
                deploy(str(self.engine.version))
            for one in self.hosts.hosts:
                self.hosts.stop(one, 20.0)

    def _sender(self, service: str) -> Callable[[str, Callable[[], Any]], Any]:
        return lambda what, act: self.dice.request(service, what, act)

    def _load_job(self, order: dict[str, Any]) -> dict[str, Any]:
        self.invariants.attempts.began(order)
        result = load_job(order)
        self.invariants.attempts.ended(order, result)
        return result

    async def _scheduled_run(self, past_due: bool) -> None:
        await start_scheduled_run(self.client, past_due)

    async def _watch(self, past_due: bool) -> None:
        await watch_over(self.client)

    async def _workbook_uploaded(self) -> None:
        take_in_upload()
        await start_ordered_run(self.client)


def _jobs(random: Random) -> tuple[list[Job], tuple[Source, ...]]:
    """A table that grows and one that changes in one source; sometimes a third one in another source."""
    common = {"target_container": "lake", "target_folder_path": LAKE_FOLDER, "source_name": "shop"}
    jobs = [
        a_job(**common, job_id="orders", table_name="orders", load_type="INCREMENTAL", watermark_column="id"),
        a_job(**common, job_id="prices", table_name="prices"),
    ]
    if random.random() < 0.3:
        jobs.append(a_job(**common | {"source_name": "crm"}, job_id="customers", table_name="customers"))
    limits = {"shop": random.choice((1, 2)), "crm": 1}
    sources = tuple(Source(source_name=name, max_concurrent_jobs=limit) for name, limit in limits.items())
    return jobs, sources


def _registered(orchestrator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An orchestrator as function_app.py registers it."""

    def run(context: Any) -> Any:
        return (yield from under_its_version(context, orchestrator))

    return run


_ORCHESTRATORS: dict[str, Any] = {
    "ingestion_run": _registered(orchestrators.ingestion_run.ingestion_run),
    "source_lane": _registered(orchestrators.source_lane.source_lane),
}
_ACTIVITIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "plan_run": plan_run,
    "finish_run": finish_run,
}


def simulate(seed: int, is_traced: bool = False, mixture: Mixture | None = None) -> Findings:
    """Live through the world of a seed; the app must have been given the simulation by `edges`."""
    world = World(seed, is_traced, mixture)
    with _logs(world) if is_traced else _silence():
        return world.run()


@contextmanager
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def _logs(world: World) -> Iterator[None]:
    """Write what the app logs into the trace."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            task = world.kernel.current
            error = f" {record.exc_info[1]!r}" if record.exc_info and record.exc_info[1] else ""
            world.note(f"{task.name if task else ''}: {record.levelname}: {record.getMessage()[:300]}{error}")

    handler, root = Handler(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
