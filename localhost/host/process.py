"""The host as a child process, for tests and the command line: start it, stop it, kill it, start it again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from localhost.host.keys import Keys, load_keys

_ROOT = Path(__file__).resolve().parents[2]
_LOG_TAIL = 4000


class HostStartError(RuntimeError):
    """The host ended, or was not ready in time; holds the end of its log."""


class HostProcess:
    """A host for `app_folder` that keeps its state in `state_folder`; ends with this process, even if that is killed.

    Args:
        app_folder: where `function_app.py` and `host.json` are.
        state_folder: keys, event store, receipts and, unless `log_file` is given, `host.log`.
        environment: settings of the app, added to this process's environment.
        port: 0 for a free one, which is another one after each start.
        log_file: gets the host's output, appended.
        start_seconds: how long it may take to be ready.
        hub_folder: event store and receipts, to share them with other hosts; `state_folder` if it is None.
        grace: seconds that functions get when the host stops, or their time is over.
        interpreter: the Python that runs host and worker; a `PYTHONPATH` of `environment` says what it finds.

    Attributes:
        url: origin of the running host, e.g. `http://127.0.0.1:7071`.
        pid: its process id.
    """

    def __init__(
        self,
        app_folder: Path,
        state_folder: Path,
        environment: Mapping[str, str],
        port: int = 0,
        log_file: Path | None = None,
        start_seconds: float = 60.0,
        grace: float = 10.0,
        hub_folder: Path | None = None,
        interpreter: Path | None = None,
    ) -> None:
        self.url = ""
        self.pid = 0
        self._app_folder = app_folder.resolve()
        self._state_folder = state_folder.resolve()
        self._environment = dict(environment)
        self._port = port
        self._log_file = log_file or self._state_folder / "host.log"
        self._start_seconds = start_seconds
        self._grace = grace
        self._hub_folder = (hub_folder or state_folder).resolve()
        self._interpreter = interpreter or Path(sys.executable)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the host was started and still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def function_key(self) -> str:
        """Opens function-level routes."""
        return self._keys.function

    @property
    def reader_key(self) -> str:
        """Opens function-level routes of GET, and no other."""
        return self._keys.reader

    @property
    def blobs_key(self) -> str:
        """Opens the webhook that Event Grid notifies."""
        return self._keys.blobs

    @property
    def master_key(self) -> str:
        """Opens everything."""
        return self._keys.master

    @property
    def _keys(self) -> Keys:
        return load_keys(self._state_folder)

    def start(self) -> None:
        """Start the host and return when it is ready.

        Raises:
            HostStartError: it is not; see there.
        """
        assert self._process is None, "the host runs already"
        self._state_folder.mkdir(parents=True, exist_ok=True)
        ready_file = self._state_folder / "host.json"
        ready_file.unlink(missing_ok=True)
        environment = {**os.environ, **self._environment}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), environment.get("PYTHONPATH")]))
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self._interpreter, "-m", "localhost.host", "--app", self._app_folder, "--state", self._state_folder,
                 "--hub", self._hub_folder, "--port", str(self._port), "--grace", str(self._grace),
                 "--stop-at-end-of-input"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the process that stops the host, not the host
            )  # fmt: skip
        deadline = time.monotonic() + self._start_seconds
        while not ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                code = self._process.returncode
                self.kill()
                what = f"was not ready in {self._start_seconds:.0f} s" if code is None else f"ended with code {code}"
                raise HostStartError(
                    f"the host of {self._app_folder} {what}; its log ends:\n{self.log_text()[-_LOG_TAIL:]}"
                )
            time.sleep(0.02)
        ready = json.loads(ready_file.read_text())
        self.url, self.pid = ready["url"], ready["pid"]

    def stop(self, seconds: float = 15.0) -> None:
        """Ask the host to end (SIGTERM), kill it if it takes longer than `seconds`."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End the host at once (SIGKILL) and wait until it is gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def freeze(self) -> None:
        """Stop the host and everything below it in the middle of what they do (SIGSTOP), until `thaw`."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue a frozen host."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: int) -> None:
        assert self._process is not None, "the host does not run"
        os.killpg(self._process.pid, number)  # it has a session of its own, with its worker and the worker's children

    def restart(self) -> None:
        """Stop the host and start it with the same state."""
        self.stop()
        self.start()

    def log_text(self) -> str:
        """Everything the host has written so far."""
        return self._log_file.read_text(encoding="utf-8", errors="replace") if self._log_file.exists() else ""

    def __enter__(self) -> "HostProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
