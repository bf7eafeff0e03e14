"""The sample app under a host, as its tests use it: only from outside."""

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from localhost.host.process import HostProcess

APP = Path(__file__).parent / "sample_app"
NO_STORAGE = "AccountName=unused;AccountKey=dW51c2Vk;BlobEndpoint=http://127.0.0.1:9/unused"
FINAL = {"Completed", "Failed", "Terminated"}


class Sample:
    """A host for the sample app; `marks` is the folder where its functions leave a file for each call."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.marks = folder / "marks"
        self.marks.mkdir(parents=True, exist_ok=True)
        # Nothing fires by itself in the life of a test, and no blob is looked for, unless the test says so.
        settings = {
            "MARKS": str(self.marks),
            "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
            "SAMPLE_CONTAINER": "unused",
            **environment,
        }
        if "ConfigStorage__blobServiceUri" not in settings:
            settings["ConfigStorage"] = NO_STORAGE
        self._folder, self._settings = folder, settings
        self.host = HostProcess(APP, folder / "state", settings)

    def twin(self) -> "Sample":
        """Another host that shares the event store, the receipts and the marks with this one."""
        twin = copy.copy(self)
        twin.host = HostProcess(APP, self._folder / "twin", self._settings, hub_folder=self._folder / "state")
        return twin

    def get(self, path: str, key: str | None = None, **arguments: Any) -> requests.Response:
        return self.request("GET", path, key, **arguments)

    def post(self, path: str, key: str | None = None, **arguments: Any) -> requests.Response:
        return self.request("POST", path, key, **arguments)

    def request(self, method: str, path: str, key: str | None, **arguments: Any) -> requests.Response:
        headers = {"x-functions-key": key} if key else {}
        return requests.request(method, f"{self.host.url}{path}", headers=headers, timeout=60, **arguments)

    def start(self, orchestrator: str, input_: Any = None, instance_id: str = "") -> dict[str, str]:
        """Start an orchestration through the app; gives its management links."""
        answer = self.post(f"/api/start/{orchestrator}/{instance_id}".rstrip("/"), self.host.function_key, json=input_)
        assert answer.status_code == 202, answer.text
        links: dict[str, str] = answer.json()
        return links

    def client(self, method: str, **arguments: Any) -> Any:
        """Call the SDK's client inside the app."""
        answer = self.post(f"/api/client/{method}", self.host.function_key, json=arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, instance_id: str, **arguments: Any) -> dict[str, Any]:
        (status,) = self.client("get_status", instance_id=instance_id, **arguments)
        return dict(status)

    def result(self, instance_id: str) -> dict[str, Any]:
        """Wait until the instance is over."""
        status = self.until(lambda: self.status(instance_id), lambda status: status["runtimeStatus"] in FINAL)
        return dict(status)

    def run(self, orchestrator: str, input_: Any = None) -> dict[str, Any]:
        """Start an orchestration and wait until it is over."""
        return self.result(self.start(orchestrator, input_)["id"])

    def count(self, mark: str) -> int:
        """How often a function left that mark."""
        return len(list(self.marks.glob(f"{mark}.*")))

    def until(self, ask: Callable[[], Any], is_enough: Callable[[Any], bool] = bool, seconds: float = 60) -> Any:
        """Ask again until the answer is enough; fails with the host's log when it takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not is_enough(answer := ask()):
            assert time.monotonic() < deadline, f"last answer: {json.dumps(answer)}\n{self.host.log_text()[-4000:]}"
            time.sleep(0.02)
        return answer
