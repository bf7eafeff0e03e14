"""One API's client: a guarded session, with retries, pauses, renewed tokens, and bounded answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
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
from shared.sources.rest.decoding import unpacked
from shared.sources.rest.faults import TryAgainError, explained, refusal
from shared.sources.rest.manners import is_busy, pause_asked, spent_budget
from shared.sources.rest.pace import Pace
from shared.sources.rest.session import CONNECT_SECONDS, bare_session, open_session, sent
from shared.sources.rest.token import TokenServer

_REDIRECTS = {301, 302, 303, 307, 308}
_DATA = {200, 201, 203, 204, 205, 206}
_NOT_YET = 202
_MAX_REDIRECTS = 5
_CHUNK = 1 << 16
_MIB = 1 << 20
_ERROR_BODY = 1 << 16  # bytes of an answer that says no


@dataclass(frozen=True)
class Patience:
    """How long one request is tried again: attempts, and the seconds of the first and of the longest pause."""

    attempts: int = 5
    first_pause: float = 0.5
    longest_pause: float = 120


PATIENCE = Patience()


@dataclass(frozen=True)
class Call:
    """One request: its address, its method, and what it carries.

    `label` names it (`page 3`) in error messages. `away` says that a redirect led to another host, which gets neither
    credentials nor the job's headers. `waits` says that the request is about an export: 202 and redirects are answers.
    """

    url: str
    label: str
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    away: bool = False
    waits: bool = False

    @property
    def asked(self) -> Mapping[str, Any]:
        """The parameters of the request, or its body."""
        return self.params if self.body is None else self.body


Judge = Callable[[Answer], None]
"""Looks at an answer that came with a good status; raises TryAgainError if it says that it failed for a while."""


class ApiClient:
    """Sends requests to one API for one job; several threads may use it.

    Args:
        job: its headers, rate limit and parallelism.
        connection: the address and the sign-in.
        secret: what no message may show.
    """

    def __init__(self, job: Job, connection: RestConnection, secret: Secret) -> None:
        self._job = job
        self._connection = connection
        self._secret = secret
        self._patience = PATIENCE
        self._pace = Pace(job.api_rate_limit)
        self._attempts = Retrying(
            stop=stop_after_attempt(self._patience.attempts),
            wait=self._pause,
            retry=retry_if_exception_type(TryAgainError),
            sleep=self._pace.sleep,
            reraise=True,
        )
        self._session = open_session(job, connection)
        self._away_session = bare_session(job, connection)
        tokens = TokenServer(self._away_session, connection, job.job_id, secret)
        self._auth = authenticator(connection, tokens)
        self._params = {name: value.get_secret_value() for name, value in connection.params.items()}
        self._limit = settings().api_max_megabytes * _MIB

    def for_job(self, job: Job) -> ApiClient:
        """The client for another job of the same API, which shares this one's connections and pace."""
        other = copy(self)
        other._job = job
        return other

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

    def leading(self, call: Call) -> Call:
        """A request to an address that an answer gave for a file; on another host it goes without credentials.

        Raises:
            SourceError: the address is none, or leads from https to http.
        """
        home = self._connection.at_home(call.url)
        if home is not None:
            return replace(call, url=self._without_key(home))
        scheme = urlsplit(call.url).scheme
        is_weaker = scheme == "http" and urlsplit(self._connection.base_url).scheme == "https"
        if scheme not in ("http", "https") or is_weaker:
            raise SourceError(f"{self.place(replace(call, url=self._connection.base_url))} has no https address.")
        return replace(call, away=True)

    def is_at_home(self, url: str) -> bool:
        """Whether an address is the API's own."""
        return self._connection.at_home(url) is not None

    @property
    def patience(self) -> Patience:
        """How long a request is tried again."""
        return self._patience

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond `stop`."""
        self._pace.sleep(seconds)

    def place(self, call: Call) -> str:
        """A request for error messages, without its parameters."""
        path = urlsplit(call.url)
        return f"Job '{self._job.job_id}': {call.method} {path.scheme}://{path.netloc}{path.path}, {call.label},"

    def fetch(self, call: Call, empty: Collection[int] = (), judge: Judge = lambda _: None) -> Answer:
        """The answer to a request.

        Args:
            call: The request.
            empty: Statuses by which the server says that there is nothing; they give an empty answer.
            judge: Looks at an answer before it counts.

        Raises:
            SourceError: the server refused, or answered what cannot be used.
            TransientError: it did not answer, or not in time, after all attempts.
        """

        def judged(answer: Answer) -> Answer:
            if answer.status in empty:
                return Answer(answer.place, answer.url, answer.status, b"", is_empty=True)
            if answer.status in _DATA:
                judge(answer)
            return answer

        answer = self._fetch(call, judged)
        if answer.status in _DATA or answer.is_empty or (call.waits and answer.status in {_NOT_YET, *_REDIRECTS}):
            return answer
        raise refusal(answer)

    def peek(self, call: Call) -> Answer | None:
        """The answer to a request that is sent once; None unless it comes with the status of rows."""
        try:
            answer = self._send(call, self._auth)
        except (IngestionError, TryAgainError):
            return None
        return answer if answer.status in _DATA else None

    def stop(self) -> None:
        """End all pauses, and send no more requests: one thread's failure must not wait for the others' pauses."""
        self._pace.stop()

    def close(self) -> None:
        """Stop, and end all connections."""
        self.stop()
        self._session.close()
        self._away_session.close()

    def _fetch(self, call: Call, judged: Callable[[Answer], Answer]) -> Answer:
        auth = self._auth
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._send_patiently(call, auth, judged)
            if answer.status == requests.codes.unauthorized and isinstance(auth, TokenAuth) and not call.away:
                auth.renew(answer.authorization)
                answer = self._send_patiently(call, auth, judged)
            if answer.status not in _REDIRECTS or call.waits:
                return answer
            call = self._redirected(call, answer)
        raise SourceError(f"{self.place(call)} redirects in a circle; check base_url and api_endpoint.")

    def _redirected(self, call: Call, answer: Answer) -> Call:
        location = answer.headers.get("Location", "")
        kept = answer.status in (requests.codes.temporary_redirect, requests.codes.permanent_redirect)
        if answer.status == requests.codes.see_other:
            call = replace(call, method="GET", body=None)
        if not location or (call.method != "GET" and not kept):
            raise SourceError(f"{answer.place} redirects a {call.method} request; set api_endpoint to its new address.")
        target = urljoin(call.url, location)
        if not call.away and self._connection.at_home(target):
            return replace(call, url=self.linked(call, location), params={})
        parts = urlsplit(target)
        host = self._secret.shown(parts.netloc.rpartition("@")[2], 100)
        weaker = urlsplit(call.url).scheme == "https" and parts.scheme != "https"
        if parts.scheme not in ("http", "https") or weaker or call.method != "GET":
            raise SourceError(
                f"{answer.place} redirects to another host, {host}, in a way that is "
                "not followed: only GET requests are, and none from https to http."
            )
        return replace(call, url=target, params={}, headers={}, away=True)

    def _send_patiently(self, call: Call, auth: Any, judged: Callable[[Answer], Answer]) -> Answer:
        try:
            return self._attempts(lambda: judged(self._send(call, auth)))
        except TryAgainError as error:
            wait = error.pause or None
            raise TransientError(f"{self.place(call)} cannot be read just now: {error}.", wait) from None

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, TryAgainError) else 0.0
        doubled: float = self._patience.first_pause * 2 ** (state.attempt_number - 1)
        pause = max(asked, min(doubled, self._patience.longest_pause))
        if isinstance(error, TryAgainError) and error.slows_down:
            self._pace.hold(pause)
        return pause

    def _send(self, call: Call, auth: Any) -> Answer:
        """One attempt."""
        self._pace.wait()
        session = self._away_session if call.away else self._session
        try:
            with sent(
                session,
                call.method,
                call.url,
                params=call.params if call.away else {**call.params, **self._params},
                body=call.body,
                headers=call.headers,
                auth=None if call.away else auth,
                timeout=(CONNECT_SECONDS, self._connection.timeout),
            ) as response:
                return self._answer(call, response)
        except IngestionError:
            raise
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise explained(error, self.place(call), self._connection.timeout) from None

    def _answer(self, call: Call, response: requests.Response) -> Answer:
        authorization = str(response.request.headers.get("Authorization", ""))
        answer = Answer(
            place=self.place(call),
            url=str(response.url),
            status=response.status_code,
            body=self._body(call, response),
            headers=response.headers,
            authorization=authorization,
            hidden=Secret({"secret": self._secret, "authorization": authorization.rpartition(" ")[2]}),
            hides_words=bool(self._job.masked_columns),
        )
        if is_busy(answer) or (answer.status == _NOT_YET and call.method == "GET" and not call.waits):
            raise self._try_again(answer, self._secret.shown(response.reason or "", 100))
        if pause := spent_budget(answer):
            self._pace.hold(min(pause, self._patience.longest_pause))
        return answer

    def _body(self, call: Call, response: requests.Response) -> bytes:
        body = bytearray()
        is_data = response.status_code in _DATA or (call.waits and response.status_code == _NOT_YET)
        raw = response.raw.stream(_CHUNK, decode_content=False)
        try:
            for chunk in unpacked(raw, response.headers.get("Content-Encoding", ""), self.place(call)):
                body += chunk
                if not is_data and len(body) > _ERROR_BODY:
                    break
                if len(body) > self._limit:
                    raise SourceError(
                        f"{self.place(call)} gave more than {self._limit // _MIB} MiB: ask for smaller pages with "
                        "api_page_size, or raise the setting API_MAX_MEGABYTES."
                    )
        except (IngestionError, requests.RequestException, HTTPError, OSError) as error:
            if is_data:
                if isinstance(error, TransientError):
                    raise TryAgainError("its compressed answer broke off") from None
                raise
        return bytes(body)

    def _try_again(self, answer: Answer, reason: str) -> Exception:
        why = f"it answered {answer.status} {reason}".rstrip()
        pause = pause_asked(answer)
        if pause > self._patience.longest_pause:
            message = f"{answer.place} cannot be read just now: {why} and asks to wait {pause:.0f} s."
            return TransientError(message, pause)
        return TryAgainError(why, pause, slows_down=answer.status != _NOT_YET)

    def _without_key(self, url: str) -> str:
        """A link without the key that some servers repeat in it: it is added again to every request."""
        keys = set(self._params)
        if self._connection.auth == "api_key" and self._connection.api_key_in == "query":
            keys.add(self._connection.api_key_name)
        parts = urlsplit(url)
        if not keys.intersection(name for name, _ in parse_qsl(parts.query, True)):
            return url
        kept = [pair for pair in parse_qsl(parts.query, True) if pair[0] not in keys]
        return parts._replace(query=urlencode(kept)).geturl()
