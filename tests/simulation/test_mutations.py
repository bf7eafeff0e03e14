"""The simulation finds faults: each of these, put into the app on purpose, is reported within some dozen seeds.

Each comes with the faults of single requests that it takes; hosts, outages and people do what the seed says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest

import activities.load_job
import orchestrators.ingestion_run
import shared.audit.jobs
import shared.audit.runs
import shared.runs.watch
from shared.audit.table import replace_row
from shared.isolation import leases
from shared.lake.commit import CommittingClient
from shared.notifications import notifier
from shared.runs import closing
from tests.simulation.edges import edges
from tests.simulation.faults import Fault, Mixture
from tests.simulation.world import simulate

WITHIN = 200  # seeds
KILLED = Mixture({Fault.KILLED_BEFORE: 0.004, Fault.KILLED_AFTER: 0.01, Fault.HOST_KILLED: 0.006})
REFUSED = Mixture({Fault.REFUSED: 0.02, Fault.LOST: 0.02})
TWICE = Mixture({Fault.FROZEN_AFTER: 0.005}, copies=0.3)
FROZEN_LONG = Mixture({Fault.FROZEN_BEFORE: 0.02}, copies=0.2, freezes=(400.0,))
SLOW = Mixture({Fault.SLOW: 0.05})
KILLED_OFTEN = Mixture({Fault.KILLED_AFTER: 0.015, Fault.HOST_KILLED: 0.012})

_begin, _complete = CommittingClient.begin_attempt, CommittingClient.complete_load


@pytest.fixture(scope="module", autouse=True)
def simulated() -> Iterator[None]:
    with edges():
        yield


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
    self.session.order = replace(self.session.order, base_load_id=newest.load_id if newest else None)
    _complete(self, load_id)


def _always_replaced(key: Any, values: Any, may_replace: Callable[[Any], bool], _etag: str | None = None) -> bool:
    return replace_row(key, values, lambda found: may_replace(found) or True)


@contextmanager
def _everybody() -> Iterator[bool]:
    yield True


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


MUTATIONS = (
    Mutation(
        "finish_run has one try, and nothing closes what is lost",
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
    Mutation(
        "two processes send the same messages",
        ((notifier, "sole_sender", _everybody),),
        SLOW,
        "was notified twice",
    ),
    Mutation("what was sent is not noted", ((notifier, "mark_notified", _nothing),), REFUSED, "waits for its message"),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_simulation_finds_it(mutation: Mutation) -> None:
    with mutation.made():
        for seed in range(WITHIN):
            violations = simulate(seed, mixture=mutation.mixture).violations
            if any(mutation.words in text for text in violations):
                return
    pytest.fail(f"{WITHIN} seeds have not found it")
