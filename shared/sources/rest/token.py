"""Asks an OAuth server for a token: it gets the client's credentials, and nothing that belongs to the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from shared.errors.hierarchy import SourceError, TransientError
from shared.secrets import Secret
from shared.sources.rest.faults import RETRIED
from shared.sources.rest.session import CONNECT_SECONDS

LARGEST_ANSWER = 1 << 18
"""Bytes of a token's answer, unpacked; a token has a few thousand."""

_CHUNK = 1 << 10
_LASTS = 3600.0  # seconds that a token lasts if its answer does not say so


class TokenServer:
    """The server at `token_url`.

    Args:
        session: Carries no header of the API.
        url: Where it is.
        timeout: Seconds to wait for the next bytes.
        job_id: For error messages.
        secret: Learns every token, so that no message shows it.
    """

    def __init__(self, session: requests.Session, url: str, timeout: float, job_id: str, secret: Secret) -> None:
        self._session = session
        self._url = url
        self._timeout = timeout
        self._place = f"Job '{job_id}': token_url {urlsplit(url).netloc}"
        self._secret = secret

    def request(self, form: Mapping[str, str]) -> tuple[str, float]:
        """Exchange a form for a token; returns it and the seconds that it lasts.

        Raises:
            SourceError: the server refuses, or its answer is no token's.
            TransientError: it does not answer, or asks to come later.
        """
        try:
            with self._session.post(
                self._url,
                data=dict(form),
                timeout=(CONNECT_SECONDS, self._timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                answer = self._parsed(response) if status == requests.codes.ok else {}
        except (requests.RequestException, HTTPError, OSError) as error:
            raise TransientError(f"{self._place} gave no token ({type(error).__name__}).") from None
        if status in RETRIED:
            raise TransientError(f"{self._place} answered {status}.")
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token or not isinstance(token, str):
            raise SourceError(
                f"{self._place} gave no token (status {status}); check client_id, client_secret and scope."
            )
        self._secret.learn(token)
        return token, _seconds(answer.get("expires_in"))

    def _parsed(self, response: requests.Response) -> Any:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise SourceError(
                    f"{self._place} gave more than {LARGEST_ANSWER >> 10} KiB, which is no token's answer."
                )
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise TransientError(f"{self._place} gave no token: its answer is no JSON.") from None


def _seconds(expires_in: Any) -> float:
    """How long a token lasts, by its answer; an hour if that does not say so."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return _LASTS
    return seconds if 0 < seconds < float("inf") else _LASTS
