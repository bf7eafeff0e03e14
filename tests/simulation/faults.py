"""What goes wrong, by dice: each seed has its own mixture of faults, so that rare ones meet in some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, TypeVar

from tests.simulation.kernel import Kernel, Killed, Process
from tests.simulation.storage.errors import no_answer, refusal, unreachable

T = TypeVar("T")


class Fault(StrEnum):
    """What can happen to one request."""

    REFUSED = "refused"
    SLOW = "slow"
    LOST = "answered, but the answer is lost"
    TWICE = "done twice"
    KILLED_BEFORE = "its process is killed before"
    KILLED_AFTER = "its process is killed after"
    KILLED_LATE = "its process is killed, the request arrives late"
    HOST_KILLED = "its host is killed"
    FROZEN_BEFORE = "its process is frozen before"
    FROZEN_AFTER = "its process is frozen after"


_RATES = (0.0005, 0.002, 0.008)


@dataclass(frozen=True)
class Mixture:
    """The faults of one seed: how likely each is at a request, and how likely what happens to messages is."""

    rates: dict[Fault, float]
    episode: float = 0.0
    copies: float = 0.0
    freezes: tuple[float, ...] = (10.0, 50.0, 80.0, 200.0, 400.0)  # seconds


def a_mixture(random: Random) -> Mixture:
    """Some kinds of faults, each at a rate of its own."""
    kinds = random.sample(list(Fault), random.randint(1, 4))
    return Mixture(
        {kind: random.choice(_RATES) for kind in kinds},
        episode=random.choice((0.0, 0.0, 0.02)),
        copies=random.choice((0.0, 0.0, 0.02)),
    )


class Dice:
    """Throws for everything that may go wrong; after `stop` nothing does."""

    def __init__(self, kernel: Kernel, random: Random, mixture: Mixture, note: Callable[[str], None]) -> None:
        self.random = random
        self.outages: dict[str, float] = {}  # until when a service refuses everything
        self.kill_host: Callable[[Process], None] = kernel.kill
        self.kill_worker: Callable[[Process], None] = kernel.kill
        self.is_on = True
        self._kernel, self._mixture, self._note = kernel, mixture, note
        self._total = sum(mixture.rates.values())

    def stop(self) -> None:
        self.is_on = False
        self.outages.clear()

    def latency(self) -> float:
        return self.random.random() * 0.2 + 0.001

    def breaks_episode(self) -> bool:
        return self.is_on and self.random.random() < self._mixture.episode

    def copies(self) -> int:
        return 2 if self.is_on and self.random.random() < self._mixture.copies else 1

    def request(self, service: str, what: str, act: Callable[[], T]) -> T:
        """Send a request to a service; what the service does is `act`."""
        task = self._kernel.current
        if task is None:
            return act()
        self._kernel.sleep(self.latency())
        if self.is_on and self.outages.get(service, 0.0) > self._kernel.now:
            task.faults += 1
            self._note(f"{task.name}: {what}: refused, {service} is away")
            raise refusal("ServerBusy")
        fault = self._drawn() if self.is_on and self._total else None
        if fault is None:
            return act()
        task.faults += 1
        self._note(f"{task.name}: {what}: {fault.value}")
        return self._faulty(fault, task.process, act)

    def _drawn(self) -> Fault | None:
        thrown = self.random.random()
        if thrown >= self._total:
            return None
        for fault, rate in self._mixture.rates.items():
            if thrown < rate:
                return fault
            thrown -= rate
        return None

    def _faulty(self, fault: Fault, process: Process, act: Callable[[], T]) -> T:
        kernel, random = self._kernel, self.random
        if fault is Fault.REFUSED:
            raise random.choice((refusal("ServerBusy"), unreachable()))
        if fault is Fault.SLOW:
            kernel.sleep(random.choice((5.0, 20.0, 70.0)))
            return act()
        if fault is Fault.LOST:
            act()
            raise no_answer()
        if fault is Fault.TWICE:
            _quietly(act)
            kernel.sleep(1.0)
            return act()
        if fault in (Fault.FROZEN_BEFORE, Fault.FROZEN_AFTER):
            answer = act() if fault is Fault.FROZEN_AFTER else None
            process.freeze(kernel.now + random.choice(self._mixture.freezes))
            kernel.sleep(0.0)
            return act() if fault is Fault.FROZEN_BEFORE else answer  # type: ignore[return-value]
        if fault in (Fault.KILLED_AFTER, Fault.HOST_KILLED):
            _quietly(act)
        if fault is Fault.KILLED_LATE:
            kernel.call_in(random.choice((1.0, 65.0, 130.0, 350.0)), lambda: _quietly(act))
        (self.kill_host if fault is Fault.HOST_KILLED else self.kill_worker)(process)
        raise Killed


def _quietly(act: Callable[[], Any]) -> None:
    """Let a service do something whose answer is lost."""
    try:
        act()
    except Exception:
        return
