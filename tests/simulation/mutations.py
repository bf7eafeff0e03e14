"""Faults of the app, put into it on purpose: what each was before it was fixed, or would be without what prevents it.

Each comes with the faults of single requests that it takes; hosts, outages and people do what the seed says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import activities.load_job
import orchestrators.ingestion_run
import orchestrators.source_lane
import shared.audit.jobs
import shared.audit.runs
import shared.runs.replacing
import shared.runs.watch
from shared.api.routes import runs as routes
from shared.audit.progress import ProgressRow
from shared.audit.runs import cancel_requested
from shared.audit.table import replace_row
from shared.errors.hierarchy import CancelledError
from shared.isolation import leases
from shared.lake.commit import CommittingClient
from shared.models.attempt import JobResult
from shared.models.job import Job
from shared.models.run import RunStatus, Totals
from shared.notifications import incidents, notifier
from shared.notifications.incidents import Incident
from shared.runs import closing, late_loads, orchestrations, uploads
from tests.simulation.faults import Fault, Mixture

KILLED = Mixture({Fault.KILLED_BEFORE: 0.004, Fault.KILLED_AFTER: 0.01, Fault.HOST_KILLED: 0.006})
REFUSED = Mixture({Fault.REFUSED: 0.02, Fault.LOST: 0.02})
TWICE = Mixture({Fault.FROZEN_AFTER: 0.005}, copies=0.3)
FROZEN_LONG = Mixture({Fault.FROZEN_BEFORE: 0.02}, copies=0.2, freezes=(400.0,))
LATE = Mixture({Fault.KILLED_LATE: 0.05})
SLOW = Mixture({Fault.SLOW: 0.05})
REFUSED_OFTEN = Mixture({Fault.REFUSED: 0.15})
KILLED_OFTEN = Mixture({Fault.KILLED_AFTER: 0.02, Fault.HOST_KILLED: 0.012})

_run_status = Totals.run_status
_begin, _complete = CommittingClient.begin_attempt, CommittingClient.complete_load
_record_last = shared.audit.jobs._record_last
_CLOSES_LOST_JOBS = ContextVar("closes lost jobs", default=False)


def _nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


async def _nothing_later(*_args: Any, **_kwargs: Any) -> None:
    return None


def _as_it_is(result: Any, *_args: Any) -> Any:
    return result


def _no_loads(*_args: Any) -> list[Any]:
    return []


def _without_record(self: CommittingClient) -> Any:
    record = _begin(self)
    return {**record, "run_id": "another"} if record else None


def _whoever_came_first(self: CommittingClient, load_id: str) -> None:
    newest = self.dataset.whole().newest_record
    self.session.before_commit = _nothing
    self.session.inventory = replace(self.session.inventory, records=(newest,) if newest else ())
    _complete(self, load_id)


def _always_replaced(key: Any, values: Any, may_replace: Callable[[Any], bool], _etag: str | None = None) -> bool:
    return replace_row(key, values, lambda found: may_replace(found) or True)


@contextmanager
def _unlimited(*_args: Any) -> Iterator[Any]:
    yield SimpleNamespace(raise_if_lost=_nothing)


def _always(*_args: Any) -> bool:
    return True


def _some_etag(*_args: Any) -> str:
    return "etag"


def _all_well(totals: Totals) -> RunStatus:
    return _run_status(totals) if totals.jobs_failed or totals.jobs_cancelled else RunStatus.SUCCEEDED


def _row_alone(lost: Iterable[JobResult], run_started_at: datetime, find_job: Callable[[str], Job | None]) -> None:
    # by a variable of this process alone: it may be killed here, and others run meanwhile
    token = _CLOSES_LOST_JOBS.set(True)
    try:
        for result in lost:
            shared.audit.jobs.record_job(result, run_started_at, find_job(result.job_id))
    finally:
        _CLOSES_LOST_JOBS.reset(token)


def _unless_lost(row: Any, result: JobResult, run_started_at: datetime) -> None:
    if not _CLOSES_LOST_JOBS.get():
        _record_last(row, result, run_started_at)


def _or_fail(self: ProgressRow, stage: str, rows: int) -> None:
    if not self._belongs_to_another:
        self._write({"stage": stage, "rows_extracted": rows})


def _or_end(self: Any) -> None:
    if cancel_requested(self._attempt.run_id):
        raise CancelledError("The run was cancelled.")


def _nobody_failed(*_args: Any) -> tuple[list[Incident], set[str]]:
    return [], set()


def _as_lanes_say(_rows: Any, planned: int) -> Totals:
    return Totals(jobs_total=planned, jobs_succeeded=planned)


class _OneId:
    """`uuid`, for which every execution is the same."""

    @staticmethod
    def uuid4() -> str:
        return "00000000-0000-0000-0000-000000000001"


@dataclass(frozen=True)
class Mutation:
    """A fault of the app: what is put in the place of what, and the words of the violation."""

    name: str
    changes: tuple[tuple[Any, str, Any], ...]
    mixture: Mixture
    words: str

    @contextmanager
    def made(self) -> Iterator[None]:
        with ExitStack() as stack:
            for target, name, value in self.changes:
                stack.enter_context(patch.object(target, name, value))
            yield


NOT_COUNTED = tuple((module, "recount_run", _nothing) for module in (shared.audit.jobs, closing, late_loads))

MUTATIONS = (
    Mutation(
        "finish_run has one try, and nobody closes what is lost",
        ((orchestrators.ingestion_run, "TO_FINISH", []), (shared.runs.watch, "settle_runs", _nothing_later)),
        KILLED,
        "says RUNNING",
    ),
    Mutation("one-off requests are never closed", ((closing, "close_requests", _nothing),), KILLED, "says STARTED"),
    Mutation("two executions share a lease", ((leases, "uuid", _OneId()),), TWICE, "two loads of"),
    Mutation(
        "no fence before the commit",
        ((CommittingClient, "complete_load", _whoever_came_first), (CommittingClient, "_make_void", _nothing)),
        FROZEN_LONG,
        "is gone",
    ),
    Mutation(
        "the record is not compared with the run",
        (
            (CommittingClient, "begin_attempt", _without_record),
            (activities.load_job, "unrecorded_loads", _no_loads),
        ),
        KILLED,
        "has committed twice",
    ),
    Mutation(
        "a success is replaced by what comes late",
        (
            (shared.audit.jobs, "replace_row", _always_replaced),
            (activities.load_job, "as_committed", _as_it_is),
        ),
        KILLED,
        "was loaded and says",
    ),
    Mutation(
        "a late plan opens a run again",
        ((shared.audit.runs, "replace_row", _always_replaced),),
        FROZEN_LONG,
        "says RUNNING now",
    ),
    Mutation(
        "the lake is not asked what it holds",
        (
            (activities.load_job, "as_committed", _as_it_is),
            (shared.audit.jobs, "as_committed", _as_it_is),
            (activities.load_job, "unrecorded_loads", _no_loads),
        ),
        KILLED_OFTEN,
        "has committed load",
    ),
    Mutation("two processes send the same messages", ((incidents, "_claim", _some_etag),), SLOW, "was notified twice"),
    Mutation("what was sent is not noted", ((notifier, "mark_notified", _nothing),), REFUSED, "waits for its message"),
    Mutation(
        "a run has one try to be planned and to be finished, and nobody looks for runs without a row",
        (
            (orchestrators.ingestion_run, "TO_PLAN", []),
            (orchestrators.ingestion_run, "TO_FINISH", []),
            (shared.runs.watch, "settle_unrecorded", _nothing_later),
        ),
        REFUSED_OFTEN,
        "has no row",
    ),
    Mutation(
        "nobody looks at runs that were ended from outside",
        ((shared.runs.watch, "settle_runs", _nothing_later), (routes, "settle_runs", _nothing_later)),
        REFUSED,
        "says RUNNING",
    ),
    Mutation(
        "a lost job has its row of the run and no history",
        (
            (closing, "close_lost_jobs", _row_alone),
            (shared.audit.jobs, "_record_last", _unless_lost),
            (shared.runs.watch, "record_late_loads", _nothing),  # it would write what is missing
        ),
        KILLED,
        "history",
    ),
    Mutation(
        "an upload that the trigger gave up gets no row",
        ((uploads, "PATIENCE_SECONDS", 0.0), (shared.runs.watch, "take_in_missed_uploads", _nothing)),
        REFUSED_OFTEN,
        "has no row",
    ),
    Mutation("a start that comes late runs again", ((shared.audit.runs, "_leads_to", _always),), LATE, "its history"),
    Mutation("what loaded nothing has SUCCEEDED", ((Totals, "run_status", _all_well),), KILLED, "none of its jobs"),
    Mutation("two calls may start one run", ((orchestrations, "claim_run_id", _always),), SLOW, "accepted twice"),
    Mutation("progress that is refused ends a load", ((ProgressRow, "write", _or_fail),), REFUSED, "was ended for no"),
    Mutation(
        "a question for a cancel that is refused ends a load",
        ((activities.load_job._Interruptions, "raise_if_cancelled", _or_end),),
        REFUSED,
        "was ended for no",
    ),
    Mutation(
        "the death of a worker spends an attempt",
        ((orchestrators.source_lane, "NOT_THE_JOBS_FAULT", ()),),
        KILLED,
        "no fault of its own",
    ),
    Mutation("a source has no limit", ((activities.load_job, "_slot", _unlimited),), SLOW, "more than its limit"),
    Mutation(
        "nobody notifies of a run",
        ((closing, "notify_of_run", _nothing), (notifier, "_last_results", _nobody_failed)),
        REFUSED_OFTEN,
        "its last message None",
    ),
    Mutation(
        "the totals of a run are those of its lanes",
        ((closing, "count_jobs", _as_lanes_say), (shared.audit.jobs, "recount_run", _nothing)),
        KILLED,
        "counts jobs_",
    ),
    Mutation(
        "a run is not counted again",
        NOT_COUNTED,
        FROZEN_LONG,
        "counts jobs_",
    ),
    Mutation(
        "nobody looks for loads that ended after their run",
        ((shared.runs.watch, "record_late_loads", _nothing),),
        KILLED_OFTEN,
        "its history",
    ),
)
