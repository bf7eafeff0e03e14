"""How a request proves who sends it: dlt's authenticators, and tokens that are fetched and renewed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.rest_client.auth import APIKeyAuth, AuthConfigBase, BearerTokenAuth, HttpBasicAuth
from requests import PreparedRequest
from requests.auth import AuthBase

from shared.identity import credential
from shared.sources.rest.connection import RestConnection

TokenRequest = Callable[[], tuple[str, float]]
"""Gives a token and the time, in seconds since 1970, at which it ends."""

_EARLY = 60  # seconds before its end at which a token is renewed


class TokenAuth(AuthBase):
    """A bearer token that all threads share, fetched when it is needed and again before it ends.

    Args:
        fetch: gives a token and the time, in seconds since 1970, at which it ends.
    """

    def __init__(self, fetch: Callable[[], tuple[str, float]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def renew(self, refused: str) -> None:
        """Forget the token of the request whose `Authorization` was refused, unless another thread did so already."""
        with self._lock:
            if refused == f"Bearer {self._token}":
                self._ends = 0.0

    def _current(self) -> str:
        with self._lock:
            if time.time() >= self._ends:
                self._token, self._ends = self._fetch()
            return self._token


def authenticator(connection: RestConnection, request_token: TokenRequest) -> AuthBase | None:
    """The authenticator of a connection; `request_token` is called for `auth` oauth2."""
    kinds: dict[str, Callable[[], AuthBase | None]] = {
        "none": lambda: None,
        "basic": lambda: _dlt(HttpBasicAuth, username=connection.username, password=_text(connection.password)),
        "bearer": lambda: _dlt(BearerTokenAuth, token=_text(connection.token)),
        "api_key": lambda: _api_key(connection),
        "oauth2": lambda: TokenAuth(request_token),
        "managed_identity": lambda: TokenAuth(lambda: _managed_identity(str(connection.scope))),
    }
    return kinds[connection.auth]()


def _managed_identity(scope: str) -> tuple[str, float]:
    token = credential().get_token(scope)
    return token.token, token.expires_on - _EARLY


def _api_key(connection: RestConnection) -> AuthBase:
    name, key = connection.api_key_name, _text(connection.api_key)
    if connection.api_key_in == "cookie":
        return _dlt(APIKeyAuth, name="Cookie", api_key=f"{name}={key}", location="header")
    return _dlt(APIKeyAuth, name=name, api_key=key, location=connection.api_key_in)


def _dlt(kind: type[AuthConfigBase], **fields: Any) -> AuthBase:
    auth = kind(**fields)
    assert isinstance(auth, AuthBase)
    return auth


def _text(secret: Any) -> str:
    return str(secret.get_secret_value()) if secret else ""
