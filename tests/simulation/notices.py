"""The receiver of notifications: what arrived, whether the app knows it, and who sends at the moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from shared.notifications.incidents import Incident
from tests.simulation.kernel import Kernel, Task

STOOD_STILL = 100.0  # seconds; a sender that was frozen so long cannot know that another has sent its message


@dataclass
class _Notice:
    is_open: bool
    is_known: bool = False  # that it arrived, to the app


@dataclass
class _Sender:
    task: Task
    began_at: float
    composed_at: float = 0.0
    incidents: Sequence[Incident] = ()
    delivered: dict[str, bool] = field(default_factory=dict)  # the states that have arrived, by incident


class Notices:
    """Every message that arrived.

    Args:
        kernel: The clock.
        violate: Reports what must not be.
    """

    def __init__(self, kernel: Kernel, violate: Callable[[str], None]) -> None:
        self.last: dict[str, _Notice] = {}
        self._kernel, self._violate = kernel, violate
        self._senders: dict[int, _Sender] = {}

    def began(self) -> None:
        """A process is about to ask whether it may send."""
        task = self._kernel.current
        assert task
        self._senders[id(task)] = _Sender(task, self._kernel.now)

    def ended(self) -> None:
        """It sends no more, whatever came of it."""
        del self._senders[id(self._kernel.current)]

    def composed(self, incidents: Sequence[Incident]) -> None:
        """The app is about to send a message about these."""
        sender = self._sender
        sender.composed_at, sender.incidents = self._kernel.now, list(incidents)

    def arrived(self) -> None:
        """The message has arrived; whether its sender hears so is another matter."""
        sender = self._sender
        is_late = self._kernel.now - sender.composed_at > STOOD_STILL
        for incident in sender.incidents:
            last = self.last.get(incident.key)
            is_twice = last and last.is_known and last.is_open == incident.open and not is_late
            if is_twice or self._is_being_sent(incident):
                state = "open" if incident.open else "closed"
                self._violate(f"{incident.key} was notified twice as {state}")
            self.last[incident.key] = _Notice(incident.open)
            sender.delivered[incident.key] = incident.open

    def _is_being_sent(self, incident: Incident) -> bool:
        """Whether another process has just sent this and may still send, and so may this one: only one of them may."""
        here = self._sender
        active = [one for one in self._senders.values() if one.task.process.alive and not one.task.is_over]
        active = [one for one in active if self._kernel.now - one.began_at <= STOOD_STILL]
        others = [one for one in active if one is not here and one.delivered.get(incident.key) == incident.open]
        return here in active and bool(others)

    def marked(self, incidents: Iterable[Incident]) -> None:
        """The app has noted that it was sent; one that stood still cannot know whether that was the last word."""
        is_sure = self._kernel.now - self._sender.composed_at <= STOOD_STILL
        for incident in incidents:
            if incident.key in self.last:
                self.last[incident.key].is_known = is_sure

    @property
    def _sender(self) -> _Sender:
        return self._senders[id(self._kernel.current)]
