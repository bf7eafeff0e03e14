"""What must hold after every write, and at the end when faults have stopped for long enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from shared.audit.table import CANCELLED, LATEST, PARTITIONS, REQUEST, RUNS, SUCCEEDED
from shared.isolation import slots
from shared.isolation.child import Work
from shared.models.attempt import AttemptOrder
from shared.models.job import Job
from tests.simulation.attempts import Attempts
from tests.simulation.model.lake import Reader

if TYPE_CHECKING:
    from tests.simulation.model.child import Child
    from tests.simulation.world import World

Row = Mapping[str, Any]
OVERLAP = 45.0  # seconds until a load that has lost its job must have noticed
_COUNTED = {"jobs_succeeded": "SUCCESS", "jobs_failed": "FAILED", "jobs_skipped": "SKIPPED"}
_COUNTED |= {"jobs_cancelled": "CANCELLED"}


class Invariants:
    """The checks of one world.

    Args:
        world: It.
        jobs: Every job that ever was in a workbook.
    """

    def __init__(self, world: World, jobs: list[Job]) -> None:
        self._world = world
        self._jobs = {job.job_id: job for job in jobs}
        self._readers = {job.job_id: Reader(world.lake.containers["lake"], job) for job in jobs}
        self._by_folder = {f"{job.target_folder_path}/{job.source_name}_{job.table_name}/": job.job_id for job in jobs}
        self._loads: list[tuple[Child, str]] = []
        self.attempts = Attempts(self._violate)
        self.leases: defaultdict[str, list[Any]] = defaultdict(list)  # by their ids
        self.said: dict[str, str] = {}  # how runs ended, by the last line of the log
        world.audit.watchers.append(self._row_written)
        world.lake.watchers.append(self._lake_written)

    def _violate(self, text: str) -> None:
        self._world.violate(text)

    def _row_written(self, before: Row | None, after: Row | None) -> None:
        if before is None or after is None:
            return
        partition, was, status = after["PartitionKey"], before.get("status"), after.get("status")
        if partition == RUNS and was != "RUNNING" and status == "RUNNING":
            self._violate(f"run {after['run_id']} had ended as {was} and says {status} now")
        if partition not in PARTITIONS and after.get("job_id") == after["RowKey"] and was == "SUCCESS" != status:
            self._violate(f"job {after['job_id']} of run {partition} was loaded and says {status} now")

    def _lake_written(self, _container: str, name: str) -> None:
        job_id = next((job_id for folder, job_id in self._by_folder.items() if name.startswith(folder)), None)
        if job_id is None or name.endswith("_manifest.json") or "_dlt_pipeline_state" in name:
            return
        records = self._readers[job_id].records()
        if not records:
            return
        rows = self._readers[job_id].committed_rows(records)
        wanted = self._world.sources.as_of(job_id, records[-1]["mark"])
        if rows is None:
            self._violate(f"{job_id}: a file of the committed table is gone ({name})")
        elif sorted(rows) != wanted:
            self._violate(f"{job_id}: the lake has {sorted(rows)}, the source had {wanted}")
        runs = [record["run_id"] for record in records]
        if runs[-2:-1] == runs[-1:]:
            self._violate(f"{job_id}: run {runs[-1]} has committed twice")

    def child_began(self, child: Child, work: Work) -> None:
        """A process was given a job: of a job there may be one at a time, of a source as many as its limit."""
        order = work.arguments.get("order")
        if order is None:
            return
        job = self._jobs[order.job_id]
        for _, lease_id in self._running(lambda one: one.job_id == job.job_id):
            if lease_id == order.lease_id:
                self._violate(f"two loads of {job.job_id} at once, both under one lease")
        self._loads.append((child, str(order.lease_id)))
        child.on_stop = lambda: self._load_stopped(order)
        child.job = job
        self._world.kernel.call_in(OVERLAP, lambda: self._look_again(job))

    def _load_stopped(self, order: AttemptOrder) -> None:
        """The app has ended a load that was running: only for a lost lease, or because its run was cancelled."""
        slot_id = str(uuid5(slots._NAMESPACE, f"{order.run_id}/{order.job_id}"))
        held = self.leases[str(order.lease_id)] + self.leases[slot_id]
        was_cancelled = any(row["RowKey"] == order.run_id for row in self._rows(CANCELLED))
        if not was_cancelled and not any(lease.lost.is_set() for lease in held):
            self._violate(f"a load of {order.job_id} in run {order.run_id} was ended for no reason of its own")

    def _look_again(self, job: Job) -> None:
        """After a while only those are left that may be."""
        began = self._world.kernel.now - OVERLAP
        old = [one for one in self._running(lambda one: one.source_name == job.source_name) if one[0].began <= began]
        if len([one for one in old if one[0].job is job]) > 1:
            self._violate(f"two loads of {job.job_id} have run side by side for {OVERLAP:g} s")
        if len(old) > self._world.limit(job.source_name):
            self._violate(f"source {job.source_name} has {len(old)} loads, more than its limit")

    def _running(self, wanted: Callable[[Job], bool]) -> Iterator[tuple[Child, str]]:
        now = self._world.kernel.now
        self._loads = [one for one in self._loads if one[0].process.alive]
        for child, lease_id in self._loads:
            if child.job and wanted(child.job) and child.thawed_at <= now - OVERLAP:
                yield child, lease_id

    def unfinished(self) -> list[str]:
        """What is still open."""
        found = [f"orchestration {one.instance_id} is {one.status}" for one in self._world.engine.active()]
        found += [f"run {row['run_id']} says RUNNING" for row in self._rows(RUNS) if row["status"] == "RUNNING"]
        found += [f"run {run_id} has no row" for run_id in sorted(self._world.run_ids - self._recorded())]
        found += [f"request {row['RowKey']} says STARTED" for row in self._rows(REQUEST) if row["status"] == "STARTED"]
        claimed = {row["RowKey"] for row in self._rows(REQUEST)}
        found += [f"request {one} was never carried out" for one in sorted(self._world.wanted_requests() - claimed)]
        found += [
            f"job {row['job_id']} of run {row['PartitionKey']} says RUNNING"
            for row in self._job_rows()
            if row["status"] == "RUNNING"
        ]
        found += [
            f"incident {row['RowKey']} waits for its message"
            for row in self._rows("incident")
            if row["RowKey"] != "sender" and bool(row["open"]) != bool(row["notified_open"])
        ]
        return found + self._unjudged()

    def _unjudged(self) -> list[str]:
        uploads = {row["sha256"] for row in self._rows("workbook")}
        return [f"upload {sha256[:12]} has no row" for sha256 in self._world.last_uploads() if sha256 not in uploads]

    def at_the_end(self) -> None:
        """Everything has ended: do the books say what the lake holds?"""
        for run in self._rows(RUNS):
            self._check_totals(run)
            self._check_end(run)
        for job_id, reader in self._readers.items():
            self._check_lake(job_id, reader)
            self._check_books(job_id, reader.records())

    def _check_totals(self, run: Row) -> None:
        statuses = [row["status"] for row in self._rows(run["run_id"]) if row.get("error_kind") != "quiet_hours"]
        for name, status in _COUNTED.items():
            planned = run.get("jobs_total", 0) - len(statuses) if status == "FAILED" else 0
            if run.get(name, 0) not in (statuses.count(status), statuses.count(status) + planned):
                self._violate(f"run {run['run_id']} counts {name} {run.get(name)}, its jobs are {statuses}")

    def _check_end(self, run: Row) -> None:
        """What is said of a run elsewhere: in the log, in its jobs' histories, in the message of a deployment."""
        run_id, status = run["run_id"], run["status"]
        if self.said.get(run_id) != status:
            self._violate(f"run {run_id} says {status}, the log's last line about it {self.said.get(run_id)}")
        jobs = self._rows(run_id)
        if status == "SUCCEEDED" and not any(row["status"] == "SUCCESS" for row in jobs):
            self._violate(f"run {run_id} says SUCCEEDED, and none of its jobs was loaded")
        for row in jobs:
            of_run = [one["status"] for one in self._rows(f"job:{row['job_id']}") if one["run_id"] == run_id]
            if of_run != [row["status"]]:
                self._violate(f"job {row['job_id']} of run {run_id} says {row['status']}, its history {of_run}")
        follower = f"{run_id}-again"
        if f"Run {follower} loads" in run.get("error_message", "") and follower not in self._recorded():
            self._violate(f"run {run_id} names run {follower}, which has no row")

    def _check_lake(self, job_id: str, reader: Reader) -> None:
        records = reader.records()
        mark = records[-1]["mark"] if records else None
        if mark != self._world.sources.newest(job_id):
            self._violate(f"{job_id}: the lake is at {mark}, the source at {self._world.sources.newest(job_id)}")
            return
        wanted = self._world.sources.as_of(job_id, mark)
        found = reader.manifest_rows()
        if found is None or sorted(found) != wanted:
            self._violate(f"{job_id}: readers of the manifest see {found}, the source has {wanted}")
        named = {file["path"] for record in records for load in record["tables"].values() for file in load["files"]}
        if left := reader.data_files() - named:
            self._violate(f"{job_id}: files without a load are left: {sorted(left)}")

    def _check_books(self, job_id: str, records: Sequence[Row]) -> None:
        loads = {row["load_id"]: row for row in self._rows(f"ledger:{job_id}")}
        for record in records:
            run_id, load_id = record["run_id"], record["load_id"]
            row = next((row for row in self._rows(run_id) if row["job_id"] == job_id), None)
            of_run = {one["load_id"] for one in records if one["run_id"] == run_id}
            if row is None or row["status"] != "SUCCESS" or row.get("load_id") not in of_run:
                said = "nothing" if row is None else f"{row['status']} with load {row.get('load_id')}"
                self._violate(f"{job_id}: run {run_id} has committed load {load_id}, its row says {said}")
            if load_id not in loads:
                self._violate(f"{job_id}: load {load_id} of run {run_id} is not in the ledger")
        committed = {record["load_id"] for record in records}
        for row in self._job_rows():
            if (
                row["job_id"] == job_id
                and row["status"] == "SUCCESS"
                and row.get("load_id", records)
                not in (
                    *committed,
                    records,
                )
            ):
                self._violate(f"{job_id}: run {row['run_id']} says SUCCESS with a load that the lake lacks")
        self._check_last(job_id)
        self._check_message(job_id)

    def at_rest(self) -> None:
        """Everything has ended, and the watch has had a tick since: do the messages say how each job is?"""
        for job_id in self._jobs:
            self._check_message(job_id)

    def _check_last(self, job_id: str) -> None:
        history = self._rows(f"job:{job_id}")  # newest first
        for partition, statuses in ((LATEST, {"SUCCESS", "FAILED", "CANCELLED"}), (SUCCEEDED, {"SUCCESS"})):
            newest = next((row for row in history if row["status"] in statuses), None)
            shown = next((row for row in self._rows(partition) if row["RowKey"] == job_id), None)
            if (newest and newest["run_id"]) != (shown and shown["run_id"]) or (
                newest and shown and newest["status"] != shown["status"]
            ):
                self._violate(f"{job_id}: {partition} shows {_brief(shown)}, its history {_brief(newest)}")

    def _check_message(self, job_id: str) -> None:
        last = next((row for row in self._rows(LATEST) if row["RowKey"] == job_id), None)
        told = self._world.notices.last.get(f"job:{job_id}")
        if last and last["status"] != "CANCELLED" and (last["status"] == "FAILED") != bool(told and told.is_open):
            self._violate(f"{job_id}: its last run says {last['status']}, its last message {told}")

    def _recorded(self) -> set[str]:
        return {row["run_id"] for row in self._rows(RUNS)}

    def _rows(self, partition: str) -> list[Row]:
        return [entity.values for entity in self._world.audit.rows(partition)]

    def _job_rows(self) -> Iterator[Row]:
        for run_id in sorted(self._recorded() | self._world.run_ids):
            yield from self._rows(run_id)


def _brief(row: Row | None) -> str:
    return f"{row['status']} of {row['run_id']}" if row else "nothing"
