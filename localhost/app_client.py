"""A client of a running app: what a user with its URL, a function key and the configuration container can do."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobClient
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from localhost.host.keys import load_keys
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from shared.workbook.configuration import Problem

_TIMEOUT_SECONDS = 120  # a dry run takes up to 90 s
_ASK_AGAIN = Retry(  # 503: the app's storage is busy; for some eight seconds, and never a POST
    total=None,
    connect=False,
    read=False,
    status=5,
    status_forcelist=[HTTPStatus.SERVICE_UNAVAILABLE],
    allowed_methods=["GET"],
    backoff_factor=0.25,
    raise_on_status=False,
)
_DISCOVERY_SECONDS = 200
_ADDRESSES = "app.json"


class RequestRefusedError(Exception):
    """The app answered a request with an error; the text is what it said."""


class AppClient(ABC):
    """The HTTP API of an app and the blob of its workbook."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Origin of the app, e.g. `http://127.0.0.1:7071`."""

    @property
    @abstractmethod
    def function_key(self) -> str:
        """Opens the routes that need a key."""

    @property
    @abstractmethod
    def workbook(self) -> BlobClient:
        """The blob in which the app looks for its workbook."""

    def upload_workbook(self, content: bytes) -> None:
        """Put a workbook where the app looks for it."""
        self.workbook.upload_blob(content, overwrite=True)

    def objections(self, content: bytes) -> list[str]:
        """What the app would refuse a workbook for; some of it only the app knows, such as which jobs are active now.

        Raises:
            RequestRefusedError: the app cannot say.
        """
        url, headers = f"{self.url}/api/config/validate", {"x-functions-key": self.function_key}
        answer = requests.post(url, data=content, headers=headers, timeout=_TIMEOUT_SECONDS)
        if answer.status_code != requests.codes.ok:
            raise RequestRefusedError(_reasons(answer))
        return [str(Problem.model_validate(problem)) for problem in answer.json()["problems"]]

    def start_run(self, **body: Any) -> str:
        """Start a run over HTTP; returns its id.

        Args:
            body: The JSON body of `POST /api/runs`.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        answer = self.request("POST", "/api/runs", body)
        if answer.status_code != requests.codes.accepted:
            raise RequestRefusedError(_reasons(answer))
        return str(answer.json()["run_id"])

    def get_run(self, run_id: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What `GET /api/runs/{run_id}` says, with all its jobs.

        Args:
            run_id: The run.
            known: What an earlier call returned: only what has changed since then is asked for.

        Raises:
            RequestRefusedError: there is no such run, or the app cannot say.
        """
        run = page = self._get(f"/api/runs/{run_id}", {"since": known["as_of"]} if known else {})
        jobs = {job["job_id"]: job for job in (*(known or {}).get("jobs", ()), *run["jobs"])}
        while page["continuation"]:
            page = self._get(f"/api/runs/{run_id}", {"continuation": page["continuation"]})
            jobs |= {job["job_id"]: job for job in page["jobs"]}
        return run | {"jobs": [jobs[job_id] for job_id in sorted(jobs)]}

    def get_masks(self, job_id: str) -> dict[str, Any]:
        """What `GET /api/jobs/{job_id}/masks` answers.

        Raises:
            RequestRefusedError: there is no such job, or it has no files in the lake.
        """
        return self._get(f"/api/jobs/{job_id}/masks", {})

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        answer = self.request("GET", f"{path}?{urlencode(query)}" if query else path)
        if answer.status_code != requests.codes.ok:
            raise RequestRefusedError(_reasons(answer))
        content: dict[str, Any] = answer.json()
        return content

    def discover(self, source_name: str, **body: Any) -> dict[str, Any]:
        """What `POST /api/sources/{source_name}/discover` answers.

        Args:
            source_name: The source.
            body: The JSON body.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        answer = self.request("POST", f"/api/sources/{source_name}/discover", body, _DISCOVERY_SECONDS)
        if answer.status_code != requests.codes.ok:
            raise RequestRefusedError(_reasons(answer))
        content: dict[str, Any] = answer.json()
        return content

    def request(self, method: str, path: str, body: Any = None, seconds: float = _TIMEOUT_SECONDS) -> requests.Response:
        """Any request to the app, with the function key. A question is asked again while the app's storage is busy."""
        headers = {"x-functions-key": self.function_key}
        with requests.Session() as session:
            session.mount(self.url, HTTPAdapter(max_retries=_ASK_AGAIN))
            return session.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=seconds)


class RunningApp(AppClient):
    """An app that another process runs in a folder.

    Args:
        folder: The state folder of its host.
        addresses: What `write_addresses` wrote there.
    """

    def __init__(self, folder: Path, addresses: Mapping[str, str]) -> None:
        self._folder = folder
        self._addresses = addresses

    @property
    def url(self) -> str:
        return self._addresses["url"]

    @property
    def function_key(self) -> str:
        return load_keys(self._folder).function

    @property
    def workbook(self) -> BlobClient:
        return BlobClient.from_blob_url(
            self._addresses["workbook_url"],
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=self._addresses["ca_bundle"],
        )


def write_addresses(folder: Path, app: AppClient, ca_bundle: Path) -> Path:
    """Write down where an app can be reached, for `find_running_app`; returns the file, to be removed at its end.

    Args:
        folder: The state folder of the app's host.
        app: The running app.
        ca_bundle: The certificates by which its storage is trusted.
    """
    path = folder / _ADDRESSES
    addresses = {"url": app.url, "workbook_url": app.workbook.url, "ca_bundle": str(ca_bundle)}
    path.write_text(json.dumps(addresses), encoding="utf-8")
    return path


def find_running_app(folder: Path) -> RunningApp | None:
    """The app that another process runs with this state folder, None if none answers."""
    try:
        app = RunningApp(folder, json.loads((folder / _ADDRESSES).read_text(encoding="utf-8")))
        health = requests.get(f"{app.url}/api/health", timeout=_TIMEOUT_SECONDS).json()
    except (FileNotFoundError, requests.RequestException):  # never started, or killed before it could tidy up
        return None
    return app if "checks" in health else None  # else another program has that port by now


def _reasons(answer: requests.Response) -> str:
    """What a problem response says, one reason per line."""
    try:
        problem = answer.json()
        return "\n".join([problem["detail"], *(f"- {line}" for line in problem["problems"])])
    except (ValueError, KeyError):
        return f"{answer.request.method} {answer.request.path_url} was answered with {answer.status_code}."
