"""One API's client: dlt's RESTClient behind the guard, with retries, pauses, renewed tokens, and bounded answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.utils import join_url
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from urllib3.exceptions import HTTPError

from shared.errors.hierarchy import ConfigurationError, IngestionError, SourceError, TransientError
from shared.jobs.api_paths import stays_below
from shared.models.job import Job
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.rest.answer import Answer
from shared.sources.rest.auth import TokenAuth, authenticator
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.faults import RETRIED, TryAgainError, asked_pause, explained, refusal
from shared.sources.rest.pace import Pace
from shared.sources.rest.session import CONNECT_SECONDS, bare_session, open_session
from shared.sources.rest.token import TokenServer

_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5
_CHUNK = 1 << 16
_MIB = 1 << 20
_REFUSED = 400


@dataclass(frozen=True)
class Patience:
    """How long one request is tried again: attempts, and the seconds of the first and of the longest pause."""

    attempts: int = 5
    first_pause: float = 0.5
    longest_pause: float = 120


PATIENCE = Patience()


@dataclass(frozen=True)
class Call:
    """One request: its address, its method, and what it carries; `label` names it (`page 3`) in error messages."""

    url: str
    label: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


class ApiClient:
    """Sends requests to one API for one job; several threads may use it.

    Args:
        job: its headers, rate limit and parallelism.
        connection: where and as whom.
        secret: what no message may show.
    """

    def __init__(self, job: Job, connection: RestConnection, secret: Secret) -> None:
        self._job = job
        self._connection = connection
        self._secret = secret
        self._patience = PATIENCE
        self._pace = Pace(job.api_rate_limit)
        self._session = open_session(job, connection)
        self._token_session = bare_session(job, connection)
        tokens = TokenServer(self._token_session, str(connection.token_url), connection.timeout, job.job_id, secret)
        self._auth = authenticator(connection, tokens.request)
        self._rest = RESTClient(connection.base_url, session=self._session)
        self._limit = settings().api_max_megabytes * _MIB

    def url(self, path: str) -> str:
        """A path of the API as an address.

        Raises:
            ConfigurationError: it leaves the path of base_url.
        """
        if not stays_below(path):
            raise ConfigurationError(
                f"Job '{self._job.job_id}': api_endpoint '{self._secret.shown(path, 100)}' leaves the path of base_url "
                "by '..'; name a path below it."
            )
        return join_url(self._connection.base_url, path)

    def linked(self, call: Call, link: str) -> str:
        """The address of a link that an answer gave.

        Raises:
            SourceError: it leads to another host, which must not see the credentials.
        """
        home = self._connection.at_home(urljoin(call.url, link))
        if home is None:
            host = self._secret.shown(urlsplit(urljoin(call.url, link)).netloc.rpartition("@")[2], 100)
            raise SourceError(
                f"{self.place(call)} leads to another host, {host or 'which cannot be read'}; credentials are "
                "not sent there. Set base_url to the host that is meant."
            )
        return self._without_key(home)

    def place(self, call: Call) -> str:
        """A request for error messages, without its parameters."""
        path = urlsplit(call.url)
        return f"Job '{self._job.job_id}': {call.method} {path.scheme}://{path.netloc}{path.path}, {call.label},"

    def fetch(self, call: Call, empty: Collection[int] = ()) -> Answer:
        """The answer to a request.

        Args:
            call: The request.
            empty: Statuses by which the server says that there is nothing; they give an empty answer.

        Raises:
            SourceError: the server refused, or answered what cannot be used.
            TransientError: it did not answer, or not in time, after all attempts.
        """
        answer = self._fetch(call)
        if answer.status in empty:
            return Answer(answer.place, answer.url, answer.status, b"")
        if answer.status >= _REFUSED:
            raise refusal(answer)
        return answer

    def stop(self) -> None:
        """End all pauses, and send no more requests: one thread's failure must not wait for the others' pauses."""
        self._pace.stop()

    def close(self) -> None:
        """Stop, and end all connections."""
        self.stop()
        self._session.close()
        self._token_session.close()

    def _fetch(self, call: Call) -> Answer:
        auth = self._auth
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._send_patiently(call, auth)
            if answer.status == requests.codes.unauthorized and isinstance(auth, TokenAuth):
                auth.renew(answer.authorization)
                answer = self._send_patiently(call, auth)
            if answer.status not in _REDIRECTS:
                return answer
            call = self._redirected(call, answer)
        raise SourceError(f"{self.place(call)} redirects in a circle; check base_url and api_endpoint.")

    def _redirected(self, call: Call, answer: Answer) -> Call:
        location = answer.headers.get("Location", "")
        kept = answer.status in (requests.codes.temporary_redirect, requests.codes.permanent_redirect)
        if not location or (call.method != "GET" and not kept):
            raise SourceError(f"{answer.place} redirects a {call.method} request; set api_endpoint to its new address.")
        return Call(self.linked(call, location), call.label, call.method, {}, call.body)

    def _send_patiently(self, call: Call, auth: Any) -> Answer:
        patience = self._patience
        attempts = Retrying(
            stop=stop_after_attempt(patience.attempts),
            wait=self._pause,
            retry=retry_if_exception_type(TryAgainError),
            sleep=self._pace.sleep,
            reraise=True,
        )
        try:
            return attempts(self._send, call, auth)
        except TryAgainError as error:
            raise TransientError(f"{self.place(call)} cannot be read just now: {error}.") from None

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, TryAgainError) else 0.0
        doubled: float = self._patience.first_pause * 2 ** (state.attempt_number - 1)
        return max(asked, min(doubled, self._patience.longest_pause))

    def _send(self, call: Call, auth: Any) -> Answer:
        """One attempt."""
        self._pace.wait()
        try:
            with self._rest.request(
                call.url,
                method=call.method,  # type: ignore[arg-type]  # GET or POST
                params=dict(call.params),
                json=dict(call.body) if call.body is not None else None,
                auth=auth,
                stream=True,
                timeout=(CONNECT_SECONDS, self._connection.timeout),
                allow_redirects=False,
            ) as response:
                return self._answer(call, response)
        except IngestionError:
            raise
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise explained(error, self.place(call), self._connection.timeout) from None

    def _answer(self, call: Call, response: requests.Response) -> Answer:
        if response.status_code in RETRIED:
            raise self._try_again(call, response)
        authorization = str(response.request.headers.get("Authorization", ""))
        return Answer(
            place=self.place(call),
            url=str(response.url),
            status=response.status_code,
            body=self._body(call, response),
            headers=response.headers,
            links=response.links,
            authorization=authorization,
            hidden=Secret({"secret": self._secret, "authorization": authorization.rpartition(" ")[2]}),
        )

    def _body(self, call: Call, response: requests.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > self._limit:
                raise SourceError(
                    f"{self.place(call)} gave more than {self._limit // _MIB} MiB: ask for smaller pages with "
                    "api_page_size, or raise the setting API_MAX_MEGABYTES."
                )
        return bytes(body)

    def _try_again(self, call: Call, response: requests.Response) -> Exception:
        why = f"it answered {response.status_code} {self._secret.shown(response.reason or '', 100)}".rstrip()
        pause = asked_pause(response.headers.get("Retry-After"))
        if pause > self._patience.longest_pause:
            return TransientError(f"{self.place(call)} cannot be read just now: {why} and asks to wait {pause:.0f} s.")
        if pause:
            self._pace.hold(pause)
        return TryAgainError(why, pause)

    def _without_key(self, url: str) -> str:
        """A link without the key that some servers repeat in it: it is added again to every request."""
        if self._connection.auth != "api_key" or self._connection.api_key_in != "query":
            return url
        parts = urlsplit(url)
        kept = [pair for pair in parse_qsl(parts.query, True) if pair[0] != self._connection.api_key_name]
        return parts._replace(query=urlencode(kept)).geturl()
