"""A client of the HTTP API of any app: what a user with its address and a function key can do."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from shared.workbook.configuration import Problem

URL_VARIABLE = "INGESTION_APP_URL"
KEY_VARIABLE = "INGESTION_APP_KEY"
"""The environment variable of the function key: on a command line every user of the machine could read it."""

_TIMEOUT_SECONDS = 120  # a dry run takes up to 90 s
_ASK_AGAIN = Retry(  # 503: the app's storage is busy; for some eight seconds, and never a POST
    total=None,
    connect=0,
    read=0,
    status=5,
    status_forcelist=[HTTPStatus.SERVICE_UNAVAILABLE],
    allowed_methods=["GET"],
    backoff_factor=0.25,
    raise_on_status=False,
)
_DISCOVERY_SECONDS = 200
_PAGE = 500
_OF_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class RequestRefusedError(Exception):
    """The app answered a request with an error; the text is what it said."""


class AddressError(Exception):
    """The app cannot be reached with what was given; the text says what is missing or wrong."""


class ApiClient(ABC):
    """The HTTP API of an app."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Origin of the app, e.g. `http://127.0.0.1:7071`."""

    @property
    @abstractmethod
    def function_key(self) -> str:
        """Opens the routes that need a key."""

    @abstractmethod
    def upload_workbook(self, content: bytes) -> None:
        """Give the app a workbook that may become the active one."""

    def objections(self, content: bytes) -> list[str]:
        """What the app would refuse a workbook for; some of it only the app knows, such as which jobs are active now.

        Raises:
            RequestRefusedError: the app cannot say.
        """
        answer = self._send("POST", "/api/config/validate", data=content)
        return [str(Problem.model_validate(problem)) for problem in _content(answer)["problems"]]

    def start_run(self, **body: Any) -> str:
        """Start a run over HTTP; returns its id.

        Args:
            body: The JSON body of `POST /api/runs`.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        return str(self.post("runs", body)["run_id"])

    def get_run(self, run_id: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What `GET /api/runs/{run_id}` says, with all its jobs.

        Args:
            run_id: The run.
            known: What an earlier call returned: only what has changed since then is asked for.

        Raises:
            RequestRefusedError: there is no such run, or the app cannot say.
        """
        path = f"runs/{part(run_id)}"
        run = page = self.get(path, **({"since": known["as_of"]} if known else {}))
        jobs = {job["job_id"]: job for job in (*(known or {}).get("jobs", ()), *run["jobs"])}
        while page["continuation"]:
            page = self.get(path, continuation=page["continuation"])
            jobs |= {job["job_id"]: job for job in page["jobs"]}
        return run | {"jobs": [jobs[job_id] for job_id in sorted(jobs)]}

    def every(self, path: str, name: str, most: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list that comes in pages.

        Args:
            path: Of the route, below `/api/`.
            name: Of the list in the answer.
            most: How many at most; all of them if it is None.
            query: Parameters.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        given, following = 0, None
        while most is None or given < most:
            limit = _PAGE if most is None else min(_PAGE, most - given)
            page = self.get(path, **query, limit=limit, **({"continuation": following} if following else {}))
            yield from page[name]
            given += len(page[name])
            following = page["continuation"]
            if following is None:
                return

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """What a route below `/api/` answers.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return _content(self.request("GET", f"/api/{path}" + (f"?{urlencode(given)}" if given else "")))

    def post(self, path: str, body: Any = None, seconds: float = _TIMEOUT_SECONDS) -> dict[str, Any]:
        """What a route below `/api/` answers to a JSON body.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        return _content(self.request("POST", f"/api/{path}", body, seconds))

    def discover(self, source_name: str, **body: Any) -> dict[str, Any]:
        """What `POST /api/sources/{source_name}/discover` answers.

        Args:
            source_name: The source.
            body: The JSON body.

        Raises:
            RequestRefusedError: the app refused, with its reasons.
        """
        return self.post(f"sources/{part(source_name)}/discover", body, _DISCOVERY_SECONDS)

    def request(self, method: str, path: str, body: Any = None, seconds: float = _TIMEOUT_SECONDS) -> requests.Response:
        """Any request to the app, with the function key. A question is asked again while the app's storage is busy."""
        return self._send(method, path, seconds=seconds, json=body)

    def _send(self, method: str, path: str, seconds: float = _TIMEOUT_SECONDS, **body: Any) -> requests.Response:
        """The same for any body. No redirect is followed: the key is for this app alone."""
        with requests.Session() as session:
            session.mount(self.url, HTTPAdapter(max_retries=_ASK_AGAIN))
            headers = {"x-functions-key": self.function_key}
            url = f"{self.url}{path}"
            return session.request(method, url, headers=headers, timeout=seconds, allow_redirects=False, **body)


class DeployedApp(ApiClient):
    """An app at an address, with the key of the environment.

    Args:
        url: Its address; that of a page or route of it will do.

    Raises:
        AddressError: the address is none, holds a key, or would send the key unencrypted; there is no key.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        if parts.query or parts.username or parts.password:
            raise AddressError(f"--app takes an address without a key; set the key as {KEY_VARIABLE}.")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AddressError(f"--app {url} is no address such as https://NAME.azurewebsites.net.")
        if parts.scheme == "http" and parts.hostname not in _OF_THIS_MACHINE:
            raise AddressError(f"--app {url} would send the key unencrypted: use https.")
        if not os.environ.get(KEY_VARIABLE):
            raise AddressError(f"Set the environment variable {KEY_VARIABLE} to a function key of {parts.hostname}.")
        prefix = parts.path.partition("/api")[0].rstrip("/")
        self._url = f"{parts.scheme}://{parts.netloc}{prefix}"

    @property
    def url(self) -> str:
        return self._url

    @property
    def function_key(self) -> str:
        return os.environ[KEY_VARIABLE]

    def upload_workbook(self, content: bytes) -> None:
        """Upload by `PUT /api/config`.

        Raises:
            RequestRefusedError: the app refused the workbook.
        """
        _content(self._send("PUT", "/api/config", data=content))


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


def _content(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        raise RequestRefusedError(_reasons(answer))
    content: dict[str, Any] = answer.json()
    return content


def _reasons(answer: requests.Response) -> str:
    """What a problem response says, one reason per line."""
    try:
        problem = answer.json()
        if problem.get("outcome") == "REFUSED":  # of an upload
            return "\n".join(
                ["The app refuses the workbook:", *(str(Problem.model_validate(p)) for p in problem["problems"])]
            )
        return "\n".join([problem["detail"], *(f"- {line}" for line in problem["problems"])])
    except (ValueError, KeyError, TypeError):
        pass
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"The app refuses the key: {answer.request.method} {answer.request.path_url} needs another one."
    return f"{answer.request.method} {answer.request.path_url} was answered with {answer.status_code}."
