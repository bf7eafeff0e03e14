"""A service's process: guarded, logged to a file, awaited by what it prints."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localhost.services import guard
from localhost.services.service import ServiceError

_POLL_SECONDS = 0.02
_KILL_SECONDS = 30  # for the guard to notice, kill and end, on a busy machine


@contextmanager
def exclusive(folder: Path) -> Iterator[int]:
    """Lock `folder` and give the lock's descriptor; a process that inherits it holds the lock for as long as it lives.

    A folder whose owner was killed is free once the owner's guards have ended their commands; this waits for them.

    Raises:
        ServiceError: another process uses the folder.
    """
    deadline = time.monotonic() + 2 * guard.GRACE_SECONDS  # a guard kills what did not end after one
    with (folder / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = f"{folder} is in use by another process: stop that one, or choose another folder."
                    raise ServiceError(message) from None
            time.sleep(_POLL_SECONDS)
        yield file.fileno()


class GuardedProcess:
    """A long-running command that never outlives this process.

    It has a session of its own: Ctrl-C reaches this process alone, which then stops its services in order.

    Args:
        command: program and arguments; never a secret, others can see them.
        log: file that receives standard output and standard error; emptied first.
        lock: descriptor of `exclusive`, which the guard holds on until the command has ended.
        user_id: the user to run as, if not the present one.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        lock: int | None = None,
        user_id: int | None = None,
    ) -> None:
        self._name = Path(command[0]).name
        self._log = log
        runner = [sys.executable, "-I", "-S", guard.__file__, "-" if user_id is None else str(user_id)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*runner, *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
                cwd=log.parent,
            )

    def wait_for(self, pattern: str, *, timeout: float = 60) -> re.Match[str]:
        """Return the first match of `pattern` (a multi-line regex) in the log, within `timeout` seconds.

        Raises:
            ServiceError: the process ended, or did not print it in time; the log's end is in the text.
        """
        deadline = time.monotonic() + timeout
        while True:
            ended = self._process.poll() is not None
            text = self._log.read_text(errors="replace")
            if match := re.search(pattern, text, re.MULTILINE):
                return match
            if ended or time.monotonic() > deadline:
                what = f"ended with exit code {self._process.returncode}" if ended else f"not ready in {timeout:.0f} s"
                raise ServiceError(f"{self._name}: {what}; the end of {self._log}:\n{text[-2000:]}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End the command and wait for it; the guard kills what does not end by itself."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(guard.GRACE_SECONDS + _KILL_SECONDS)
