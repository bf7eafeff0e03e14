"""Asks an OAuth server for a token: it gets the client's credentials, and nothing that belongs to the API."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from shared.errors.hierarchy import SourceError, TransientError
from shared.secrets import Secret
from shared.sources.rest.answer import Answer
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.manners import is_busy, pause_asked
from shared.sources.rest.session import CONNECT_SECONDS

LARGEST_ANSWER = 1 << 18
"""Bytes of a token's answer, unpacked; a token has a few thousand."""

_CHUNK = 1 << 10
_EARLY = 60  # seconds before its end at which a token is renewed
_GOOD = range(200, 300)
_REFUSED = (400, 401)
_TOKENS = ("access_token", "accessToken", "token", "id_token")
_LASTS = 3600.0  # seconds that a token lasts if its answer does not say so


class TokenServer:
    """The server at `token_url`, which gives tokens for `client_credentials`, or the grant that `token_params` names.

    The client proves itself in the form, by HTTP Basic or in a JSON body, as `token_auth` says. If it does not say, the
    form is tried first, and Basic if the server refuses that (RFC 6749, section 2.3.1, wants every server to know it).

    Args:
        session: Carries no header of the API.
        connection: Where the server is, and the client's credentials.
        job_id: For error messages.
        secret: Learns every token, so that no message shows it.
    """

    def __init__(self, session: requests.Session, connection: RestConnection, job_id: str, secret: Secret) -> None:
        self._session = session
        self._connection = connection
        self._url = str(connection.token_url)
        self._place = f"Job '{job_id}': token_url {urlsplit(self._url).netloc}"
        self._secret = secret
        self._proof = connection.token_auth or "form"
        self._refresh_token: str | None = None

    def __call__(self) -> tuple[str, float]:
        """A token, and the time in seconds since 1970 at which it has to be renewed.

        Raises:
            SourceError: the server refuses, or its answer holds no token.
            TransientError: it does not answer, or asks to come later.
        """
        status, answer, pause = self._ask()
        if status in _REFUSED and not self._connection.token_auth and self._connection.client_secret:
            self._proof = "basic" if self._proof == "form" else "form"
            status, answer, pause = self._ask()
        if pause is not None:
            raise TransientError(f"{self._place} answered {status}.", pause or None)
        token = next((answer[name] for name in _TOKENS if answer.get(name)), None) if status in _GOOD else None
        if not token or not isinstance(token, str):
            code = answer.get("error")
            reason = f", {code[:60]}" if isinstance(code, str) and code.replace("_", "").isalnum() else ""
            raise SourceError(
                f"{self._place} gave no token (status {status}{reason}); check client_id, client_secret and scope, and "
                "whether it needs token_auth or token_params."
            )
        self._secret.learn(token)
        if isinstance(renewed := answer.get("refresh_token"), str) and "refresh_token" in self._connection.token_params:
            self._secret.learn(renewed)
            self._refresh_token = renewed
        lasts = _seconds(answer.get("expires_in") or answer.get("expiresIn"))
        return token, time.time() + max(lasts - _EARLY, lasts / 2)

    def _ask(self) -> tuple[int, dict[str, Any], float | None]:
        """The status and the answer, and the seconds to wait if the server is busy."""
        try:
            with self._session.post(
                self._url,
                timeout=(CONNECT_SECONDS, self._connection.timeout),
                allow_redirects=False,
                stream=True,
                **self._credentials(),
            ) as response:
                status = response.status_code
                known = Answer(self._place, self._url, status, b"", response.headers)
                if is_busy(known):
                    return status, {}, pause_asked(known)
                answer = self._parsed(response, must_be_json=status in _GOOD)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientError(f"{self._place} gave no token ({type(error).__name__}).") from None
        return status, answer if isinstance(answer, dict) else {}, None

    def _credentials(self) -> dict[str, Any]:
        """The body of the request, and the client's proof in it or beside it."""
        connection = self._connection
        fields = {"grant_type": "client_credentials"} | ({"scope": connection.scope} if connection.scope else {})
        fields |= {name: value.get_secret_value() for name, value in connection.token_params.items()}
        if self._refresh_token:
            fields["refresh_token"] = self._refresh_token
        client_id = connection.client_id or ""
        client_secret = connection.client_secret.get_secret_value() if connection.client_secret else ""
        if self._proof == "basic":
            return {"auth": (quote(client_id, safe=""), quote(client_secret, safe="")), "data": fields}
        fields |= {name: text for name, text in (("client_id", client_id), ("client_secret", client_secret)) if text}
        return {"json" if self._proof == "json" else "data": fields}

    def _parsed(self, response: requests.Response, must_be_json: bool) -> Any:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise SourceError(f"{self._place} gave more than {LARGEST_ANSWER >> 10} KiB, too much for a token.")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            if not must_be_json:
                return {}
            raise TransientError(f"{self._place} gave no token: its answer is not JSON.") from None


def _seconds(expires_in: Any) -> float:
    """How long a token lasts, by its answer; an hour if that does not say so."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return _LASTS
    return seconds if 0 < seconds < float("inf") else _LASTS
