"""The managed identity endpoint that App Service and Azure Functions give to an app.

The unmodified `ManagedIdentityCredential` finds it through IDENTITY_ENDPOINT and IDENTITY_HEADER. Tokens carry what a
service looks at (issuer, audience, times); Azurite checks those claims, our Key Vault the signature as well.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web

from localhost.services.http_server import HttpServer
from localhost.services.service import HOST, Service, claim_ports

API_VERSION = "2019-08-01"


class IdentityEndpoint(Service):
    """Issues tokens over HTTP to callers that send the secret header.

    Args:
        folder: keeps the secret header, the signing key and the tenant, so that old tokens stay valid after a restart.
        token_lifetime: seconds until a token expires; may be changed while the service runs.
    """

    def __init__(self, folder: Path, *, token_lifetime: float = 24 * 3600) -> None:
        super().__init__(folder)
        self.token_lifetime = token_lifetime
        self.requests: Counter[str] = Counter()
        """Number of tokens issued over HTTP, by resource."""
        self._keys = _keys_in(self.folder / "identity.json")
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        """The value of IDENTITY_ENDPOINT; the service must have been started."""
        return f"http://{HOST}:{self.port}/msi/token"

    @property
    def header(self) -> str:
        """The value of IDENTITY_HEADER."""
        return self._keys["header"]

    @property
    def tenant_id(self) -> str:
        return self._keys["tenant_id"]

    def start(self) -> None:
        (self.port,) = claim_ports(self.folder, 1)
        application = web.Application()
        application.router.add_get("/msi/token", self._get_token)
        self._server = HttpServer(application, self.port)

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def issue(self, resource: str, *, client_id: str | None = None) -> tuple[str, int]:
        """Return a token for `resource` and the time when it expires (seconds since 1970)."""
        now = int(time.time())
        expires_on = now + int(self.token_lifetime)
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": expires_on,
            "tid": self.tenant_id,
            "oid": self._keys["principal_id"],
            "sub": self._keys["principal_id"],
            "appid": client_id or self._keys["client_id"],
            "idtyp": "app",
        }
        return jwt.encode(claims, self._keys["signing_key"], algorithm="HS256"), expires_on

    def verify(self, token: str, audience: str) -> dict[str, Any]:
        """Return the claims of a token issued here. Raises jwt.InvalidTokenError (forged, expired, other audience)."""
        claims: dict[str, Any] = jwt.decode(token, self._keys["signing_key"], algorithms=["HS256"], audience=audience)
        return claims

    async def _get_token(self, request: web.Request) -> web.Response:
        resource = request.query.get("resource", "")
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), self.header.encode()):
            return _refusal(401, "X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != API_VERSION:
            return _refusal(400, f"api-version must be {API_VERSION}.")
        if not resource:
            return _refusal(400, "The query parameter 'resource' is required.")
        client_id = request.query.get("client_id")
        token, expires_on = self.issue(resource, client_id=client_id)
        self.requests[resource] += 1
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client_id or self._keys["client_id"],
            }
        )


def _keys_in(file: Path) -> dict[str, str]:
    if not file.exists():
        guids = {name: str(uuid.uuid4()) for name in ("tenant_id", "principal_id", "client_id")}
        file.touch(mode=0o600)
        file.write_text(
            json.dumps({**guids, "header": secrets.token_urlsafe(), "signing_key": secrets.token_urlsafe(48)})
        )
    keys: dict[str, str] = json.loads(file.read_text())
    return keys


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
