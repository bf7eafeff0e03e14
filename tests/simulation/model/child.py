"""Child processes: what the app hands to one is carried out in a simulated process, which may die alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from shared.errors.job_errors import as_job_error
from shared.isolation.child import Work
from shared.isolation.parent import ChildError
from shared.models.attempt import JobError
from shared.models.job import Job
from shared.workbook.configuration import Configuration, Problem, Report
from tests.simulation.kernel import Kernel, Killed, Signal
from tests.simulation.model.attempt import Readings, model_attempt

BROKEN = b"no workbook"


class Child:
    """A child of the process that asks for it, with the messages that `run_in_child` reads."""

    def __init__(self, kernel: Kernel, readings: Readings, work: Work) -> None:
        assert kernel.current
        self._kernel, self._readings, self._work = kernel, readings, work
        self.began = kernel.now
        self.on_stop: Callable[[], None] | None = None  # called if it is ended before it has said how it went
        self._has_reported = False
        self.job: Job | None = None
        self._inbox: deque[tuple[str, Any]] = deque()
        self._news = Signal()
        self.process = kernel.process(f"{kernel.current.process.name} child", kernel.current.process)
        self.task = kernel.spawn(self.process, self._carry_out, f"{self.process.name} {work.entry.partition(':')[2]}")

    @property
    def thawed_at(self) -> float:
        """Since when it has been running without a stop; 0.0 if it was never frozen."""
        return self.process.frozen_until

    def messages(self, deadline: float) -> Iterator[tuple[str, Any]]:
        """What the child says, and `silence` once a second, until the deadline.

        Raises:
            ChildError: the child has died.
        """
        while (left := deadline - self._kernel.now) > 0:
            if not self._inbox:
                self._news.clear()
                self._kernel.wait(self._news, min(left, 1.0))
            if self._inbox:
                yield self._inbox.popleft()
            elif not self.process.alive:
                raise ChildError(JobError(kind="crash", message="Its process was ended by SIGKILL.", retryable=True))
            else:
                yield "silence", None

    def end(self) -> None:
        if self.on_stop and self.process.alive and not self._has_reported:
            self.on_stop()
        self._kernel.kill(self.process)

    def _carry_out(self) -> None:
        entry = self._work.entry.partition(":")[2]
        try:
            content = _ENTRIES[entry](self._readings, self._work.arguments, self._report)
        except Killed:
            raise
        except Exception as error:
            self._say("error", as_job_error(error))
        else:
            self._say("result", SimpleNamespace(content=content, warm=False))

    def _report(self, stage: str, rows: int) -> None:
        self._say("progress", (stage, rows))

    def _say(self, kind: str, value: Any) -> None:
        self._has_reported = kind != "progress"
        self._inbox.append((kind, value))
        self._news.set(self._kernel)


def _run_attempt(readings: Readings, arguments: Mapping[str, Any], report: Callable[[str, int], None]) -> Any:
    given = {name: arguments[name] for name in ("order", "job", "loaded_before", "rewind")}
    return model_attempt(readings, report=report, **given)


def _validated(readings: Readings, arguments: Mapping[str, Any], report: Callable[[str, int], None]) -> Report:
    """A workbook is its configuration as JSON here."""
    readings.kernel.sleep(0.2)
    if arguments["content"].startswith(BROKEN):
        return Report(problems=(Problem(message="It is no workbook."),))
    return Report(configuration=Configuration.model_validate_json(arguments["content"]))


def _annotated(readings: Readings, arguments: Mapping[str, Any], report: Callable[[str, int], None]) -> bytes:
    readings.kernel.sleep(0.2)
    return b"annotated"


_ENTRIES = {"run_attempt": _run_attempt, "validated": _validated, "annotated": _annotated}
