"""Azure Key Vault's REST protocol for secrets, so that the unmodified `SecretClient` is what runs.

The client verifies that the challenge's resource fits the vault: `https://vault.azure.net` fits `*.vault.azure.net`,
because the one host name ends with a dot and the other. No name of that kind resolves on every machine without DNS
(`*.localhost` does not with glibc alone), but the rule compares texts: `127.0.0.1:PORT` ends with `.` and `0.0.1:PORT`.
So our resource is `https://0.0.1:PORT`, an address that is never called, and the verification stays on, as in Azure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web

from localhost.services.certificates import Certificates
from localhost.services.http_server import HttpServer
from localhost.services.identity import IdentityEndpoint
from localhost.services.secret_store import SecretStore, SecretVersion
from localhost.services.service import HOST, Service, claim_ports

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PAGE = 25
_RECOVERY = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
_NOT_FOUND = (
    "A secret with (name/id) {} was not found in this key vault. If you recently deleted this secret you may be able "
    "to recover it using the correct recovery command."
)


class _VaultError(Exception):
    """A refusal in the shape that Key Vault gives it."""

    def __init__(self, status: int, code: str, message: str, *, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        error: dict[str, Any] = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.body = {"error": error}


class KeyVault(Service):
    """A vault over HTTPS that trusts the tokens of one identity endpoint.

    Soft delete is on, as it is in every new vault; recovering and purging are left out.

    Args:
        folder: keeps the secrets and the port.
        certificates: the server certificate.
        identity: whose tokens are valid here.
    """

    def __init__(self, folder: Path, certificates: Certificates, identity: IdentityEndpoint) -> None:
        super().__init__(folder)
        self.reads: Counter[str] = Counter()
        """Number of values handed out, by secret name."""
        self._certificates = certificates
        self._identity = identity
        self._store = SecretStore(self.folder / "secrets.json")
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        """The value of KEY_VAULT_URL; the service must have been started."""
        return f"https://{HOST}:{self.port}"

    @property
    def resource(self) -> str:
        """The audience that tokens for this vault must have."""
        return f"https://{HOST.partition('.')[2]}:{self.port}"

    def set_secret(self, name: str, value: str, **tags: str) -> None:
        """Give the secret a new version, as its administrator would."""
        self._store.add(name, SecretVersion(value, tags={tag.replace("_", "-"): text for tag, text in tags.items()}))

    def has_secret(self, name: str) -> bool:
        """Whether the vault has the secret."""
        return name.lower() in self._store.active

    def start(self) -> None:
        (self.port,) = claim_ports(self.folder, 1)
        application = web.Application(middlewares=[self._protocol])
        application.add_routes(
            [
                web.get("/secrets", self._list),
                web.put("/secrets/{name}", self._set),
                web.get("/secrets/{name}", self._get),
                web.delete("/secrets/{name}", self._delete),
                web.get("/secrets/{name}/versions", self._list_versions),
                web.get("/secrets/{name}/{version:[^/]*}", self._get),
                web.patch("/secrets/{name}/{version}", self._update),
                web.get("/deletedsecrets/{name}", self._get_deleted),
            ]
        )
        self._server = HttpServer(application, self.port, self._certificates.server_context())

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    @web.middleware
    async def _protocol(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Authenticate, ask for api-version, and give every refusal Key Vault's shape."""
        try:
            self._check(request)
            return await handler(request)
        except _VaultError as error:
            tenant = f"https://login.microsoftonline.com/{self._identity.tenant_id}"
            challenge = f'Bearer authorization="{tenant}", resource="{self.resource}"'
            headers = {"WWW-Authenticate": challenge} if error.status == 401 else {}
            return web.json_response(error.body, status=error.status, headers=headers)

    def _check(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise _VaultError(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            self._identity.verify(token, self.resource)
        except jwt.InvalidAudienceError:
            raise _VaultError(401, "Unauthorized", f"AKV10022: Invalid audience. Expected {self.resource}.") from None
        except jwt.InvalidTokenError as error:
            raise _VaultError(401, "Unauthorized", f"AKV10032: Invalid token: {error}.") from None
        if not request.query.get("api-version"):
            raise _VaultError(400, "BadParameter", "The query parameter api-version must be specified.")

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        version = self._find(name, request.match_info.get("version"))
        if not version.enabled:
            raise _VaultError(
                403, "Forbidden", "Operation get is not allowed on a disabled secret.", inner="SecretDisabled"
            )
        self.reads[name] += 1
        return web.json_response(self._bundle(name, version, value=True))

    async def _set(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.json()
        if "value" not in body:
            raise _VaultError(400, "BadParameter", "Property value is required.")
        if name.lower() in self._store.deleted:
            message = f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
            raise _VaultError(409, "Conflict", message, inner="ObjectIsDeletedButRecoverable")
        version = SecretVersion(body["value"], **_properties(body))
        self._store.add(name, version)
        return web.json_response(self._bundle(name, version, value=True))

    async def _update(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        version = self._find(name, request.match_info["version"])
        self._store.change(version, _properties(await request.json()))
        return web.json_response(self._bundle(name, version))

    async def _list(self, request: web.Request) -> web.Response:
        newest = [self._bundle(name, versions[-1], identified=False) for name, versions in self._store.active.items()]
        return self._page(request, newest)

    async def _list_versions(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return self._page(
            request, [self._bundle(name, version) for version in self._store.active.get(name.lower(), [])]
        )

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self._find(name, None)
        self._store.delete(name)
        return self._deleted(name)

    async def _get_deleted(self, request: web.Request) -> web.Response:
        return self._deleted(request.match_info["name"])

    def _find(self, name: str, version_id: str | None) -> SecretVersion:
        versions = self._store.active.get(name.lower(), [])
        found = [version for version in versions if version_id in (None, "", version.version)]
        if not found:
            raise _VaultError(404, "SecretNotFound", _NOT_FOUND.format("/".join(filter(None, [name, version_id]))))
        return found[-1]

    def _deleted(self, name: str) -> web.Response:
        versions = self._store.deleted.get(name.lower())
        if not versions:
            raise _VaultError(404, "SecretNotFound", f"Deleted secret not found: {name}")
        return web.json_response(
            {
                **self._bundle(name, versions[-1]),
                "recoveryId": f"{self.url}/deletedsecrets/{name}",
                "deletedDate": versions[-1].updated,
                "scheduledPurgeDate": versions[-1].updated + 90 * 24 * 3600,
            }
        )

    def _bundle(
        self, name: str, version: SecretVersion, *, value: bool = False, identified: bool = True
    ) -> dict[str, Any]:
        """Return the secret as JSON: with its value, and with the version in its id, if these belong there."""
        attributes = {"enabled": version.enabled, "created": version.created, "updated": version.updated, **_RECOVERY}
        return {
            "id": f"{self.url}/secrets/{name}" + (f"/{version.version}" if identified else ""),
            "attributes": attributes,
            "tags": version.tags,
            **({"contentType": version.content_type} if version.content_type else {}),
            **({"value": version.value} if value else {}),
        }

    def _page(self, request: web.Request, items: Sequence[dict[str, Any]]) -> web.Response:
        start = int(request.query.get("$skiptoken", 0))
        end = start + min(int(request.query.get("maxresults", _PAGE)), _PAGE)
        following = request.url.update_query({"$skiptoken": str(end)})
        return web.json_response({"value": items[start:end], "nextLink": str(following) if end < len(items) else None})


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a SecretVersion that a request's body sets."""
    found = {
        "content_type": body.get("contentType"),
        "enabled": body.get("attributes", {}).get("enabled"),
        "tags": body.get("tags"),
    }
    return {name: value for name, value in found.items() if value is not None}
