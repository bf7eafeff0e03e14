"""Who calls, and what they may do.

The host has checked the key before a function runs, and which key opens which function is the host's affair: keys of
single functions, made for those that read, open nothing that changes anything. A key's name never reaches the app, so a
caller is known by a fingerprint of the key. Where App Service signs callers in (Easy Auth), they are known by name, and
need an app role besides the key.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

READER = "Ingestion.Reader"
OPERATOR = "Ingestion.Operator"
ROLES = {True: (OPERATOR,), False: (READER, OPERATOR)}
"""The roles of which one is needed, by whether the route changes anything: all do but those of the method GET."""

_FINGERPRINT = 8  # hexadecimal digits: enough to distinguish the keys of one app, useless for guessing one
_ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")


@dataclass(frozen=True)
class Caller:
    """The owner of a key, or an account that signed in.

    Attributes:
        name: Of the account; `key` and the fingerprint of the key without a sign-in.
        roles: The app roles of the account; None without a sign-in.
    """

    name: str
    roles: frozenset[str] | None = None

    def lacks(self, changes: bool) -> str | None:
        """What the caller needs and does not have, as a sentence; only if callers sign in.

        Args:
            changes: Whether the route changes anything.
        """
        needed = ROLES[changes]
        if self.roles is None:
            return f"Sign in with an account that has the app role {' or '.join(needed)}."
        if self.roles.isdisjoint(needed):
            return f"{self.name} does not have the app role {' or '.join(needed)}."
        return None


def caller_of(headers: Mapping[str, str], params: Mapping[str, str], sign_in: bool) -> Caller:
    """Who has sent a request.

    Args:
        headers: Of the request; names in any case.
        params: The query, after the `?`.
        sign_in: Whether App Service signs callers in. Only then does it keep the headers that name an account from
            being sent by a caller.
    """
    given = {name.lower(): value for name, value in headers.items()}
    principal = given.get("x-ms-client-principal") if sign_in else None
    if principal:
        return _account(principal, given)
    key = given.get("x-functions-key") or params.get("code")
    return Caller(f"key {sha256(key.encode()).hexdigest()[:_FINGERPRINT]}" if key else "unknown key")


def _account(principal: str, headers: Mapping[str, str]) -> Caller:
    try:
        content: dict[str, Any] = json.loads(b64decode(principal))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in content["claims"]]
    except (ValueError, KeyError, TypeError):
        return Caller("an account that cannot be read", frozenset())
    role_claims = {*_ROLE_CLAIMS, content.get("role_typ")}
    name = headers.get("x-ms-client-principal-name") or headers.get("x-ms-client-principal-id") or "unknown account"
    return Caller(name, frozenset(value for kind, value in claims if kind in role_claims))
