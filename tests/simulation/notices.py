"""The receiver of notifications: what arrived, and whether the app knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shared.notifications.incidents import Incident
from tests.simulation.kernel import Kernel

STOOD_STILL = 100.0  # seconds; a sender that was frozen so long cannot know that another has sent its message


@dataclass
class _Notice:
    is_open: bool
    is_known: bool = False  # that it arrived, to the app


class Notices:
    """Every message that arrived.

    Args:
        kernel: The clock.
        violate: Reports what must not be.
    """

    def __init__(self, kernel: Kernel, violate: Callable[[str], None]) -> None:
        self.last: dict[str, _Notice] = {}
        self._kernel, self._violate = kernel, violate
        self._composed: dict[int, tuple[float, Sequence[Incident]]] = {}

    def composed(self, incidents: Sequence[Incident]) -> None:
        """The app is about to send a message about these."""
        self._composed[id(self._kernel.current)] = self._kernel.now, list(incidents)

    def arrived(self) -> None:
        """The message has arrived; whether its sender hears so is another matter."""
        composed_at, incidents = self._composed[id(self._kernel.current)]
        is_late = self._kernel.now - composed_at > STOOD_STILL
        for incident in incidents:
            last = self.last.get(incident.key)
            if last and last.is_known and last.is_open == incident.open and not is_late:
                state = "open" if incident.open else "closed"
                self._violate(f"{incident.key} was notified twice as {state}")
            self.last[incident.key] = _Notice(incident.open)

    def marked(self, incidents: Iterable[Incident]) -> None:
        """The app has noted that it was sent; one that stood still cannot know whether that was the last word."""
        composed_at, _ = self._composed[id(self._kernel.current)]
        is_sure = self._kernel.now - composed_at <= STOOD_STILL
        for incident in incidents:
            if incident.key in self.last:
                self.last[incident.key].is_known = is_sure
