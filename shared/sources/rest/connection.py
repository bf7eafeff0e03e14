"""The fields of an API's connection, from a secret's JSON object or URL."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from shared.errors.hierarchy import ConfigurationError
from shared.secrets import Secret

Auth = Literal["none", "basic", "bearer", "api_key", "oauth2", "managed_identity"]

_NEEDED: dict[str, tuple[str, ...]] = {
    "none": (),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "api_key": ("api_key",),
    "oauth2": ("token_url",),
    "managed_identity": ("scope",),
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RestConnection(BaseModel):
    """Where an API is and how to sign in. Field names as in the secret's JSON object."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str
    auth: Auth = "none"
    username: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    api_key: SecretStr | None = None
    api_key_name: str = Field("X-API-Key", description="The header or parameter that carries api_key.")
    api_key_in: Literal["header", "query", "cookie"] = "header"
    token_url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    scope: str | None = Field(None, description="What a token is asked for, with oauth2 and managed_identity.")
    token_auth: Literal["form", "basic", "json"] | None = Field(
        None, description="How token_url gets client_id and client_secret: in the form, by HTTP Basic, or as JSON."
    )
    token_params: dict[str, SecretStr] = Field(
        {}, description="Further fields for token_url: grant_type, refresh_token, audience, resource."
    )
    client_cert: SecretStr | None = Field(
        None, description="A client certificate with its key, PEM: a path, or the text itself."
    )
    params: dict[str, SecretStr] = Field({}, description="Further parameters of every request, such as a second key.")
    headers: dict[str, SecretStr] = Field({}, description="Further headers of every request.")
    ca_bundle: str | None = Field(None, description="Certificates to trust: a path, or the PEM text itself.")
    proxy: SecretStr | None = Field(None, description="http://[user:password@]host:port of a proxy.")
    timeout: float = Field(60, gt=0, description="Seconds to wait for the next bytes of an answer.")

    @field_validator("base_url", "token_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset")
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("must be an address like https://api.example.com/v1")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("must hold neither a user nor parameters; use auth, and api_params in the workbook")
        return value

    @model_validator(mode="after")
    def _has_what_auth_needs(self) -> RestConnection:
        grants = {"grant_type", "refresh_token", "client_assertion"} & self.token_params.keys()
        needed = _NEEDED[self.auth] + (() if self.auth != "oauth2" or grants else ("client_id", "client_secret"))
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"auth {self.auth} needs {', '.join(missing)}")
        return self

    @classmethod
    def of(cls, secret: Secret, source_name: str) -> RestConnection:
        """The connection that a secret describes; a secret that is one address is its base_url.

        Raises:
            ConfigurationError: a field is missing, unknown or of the wrong type; values are not repeated.
        """
        fields: dict[str, Any] = dict(secret)
        if "url" in fields:
            fields.setdefault("base_url", fields.pop("url"))
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problems = "; ".join(
                ": ".join(filter(None, (".".join(map(str, item["loc"])), item["msg"])))
                for item in error.errors(include_input=False)
            )
            raise ConfigurationError(
                f"The connection secret of source '{source_name}' is wrong: {problems}. "
                f"Fields: {', '.join(cls.model_fields)}."
            ) from None

    def at_home(self, url: str) -> str | None:
        """`url` where it leads to the API's own host and port, never by a weaker scheme; None where it leads away.

        Servers behind a proxy that ends TLS often give http addresses of themselves: those get the scheme back. An API
        that sends on from http to https is followed.
        """
        try:
            home, other = urlsplit(self.base_url), urlsplit(url)
            same_port = _port(home) == _port(other) or (other.port is None and home.port is None)
        except ValueError:  # a port that is not a number
            return None
        if other.scheme not in _DEFAULT_PORTS or other.hostname != home.hostname or not same_port:
            return None
        secure = "https" in (other.scheme, home.scheme)
        return other._replace(scheme="https" if secure else "http", netloc=home.netloc).geturl()


def _port(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
