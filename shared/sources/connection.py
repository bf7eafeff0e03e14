"""The fields of a database connection, from a secret's JSON object or URL."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shared.errors.hierarchy import ConfigurationError
from shared.identity import credential
from shared.secrets import Secret

APPLICATION_NAME = "excel-to-lake"
"""How a connection calls itself, in the database's list of sessions."""

Self = TypeVar("Self", bound="SqlConnection")


class SqlConnection(BaseModel):
    """How to sign in to a database. Fields are named as in the secret's JSON object, or in the query of its URL.

    Case, `_` and spaces in the names do not count: `TrustServerCertificate` is `trust_server_certificate`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)

    username: str | None = None
    password: SecretStr | None = None
    auth: Literal["password", "managed_identity"] = Field(
        "password", description="managed_identity signs in with an access token of the app's identity."
    )
    connect_timeout: int = Field(15, ge=1, description="Seconds to wait for the server.")
    statement_timeout: int = Field(0, ge=0, description="Seconds that one statement may take; 0 means no limit.")

    @classmethod
    def of(cls: type[Self], secret: Secret, source_name: str) -> tuple[Self, Secret]:
        """The connection that a secret describes, and its fields as a secret, so that each can be redacted.

        Raises:
            ConfigurationError: a field is missing, unknown or of the wrong type; values are not repeated.
        """
        fields = _from_url(secret, source_name) if "url" in secret else dict(secret)
        names = {_folded(name): name for name in cls.model_fields} | cls._other_names()
        fields = {names.get(_folded(name), name): value for name, value in fields.items() if name != "dialect"}
        try:
            return cls.model_validate(fields), Secret(fields)
        except ValidationError as error:
            problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors(include_input=False))
            raise ConfigurationError(
                f"The connection secret of source '{source_name}' is wrong: {problems}. "
                f"Fields: {', '.join(cls.model_fields)}."
            ) from None

    @classmethod
    def _other_names(cls) -> dict[str, str]:
        """Fields by other names that people give them, folded."""
        return {"user": "username", "uid": "username", "pwd": "password"}

    @property
    def place(self) -> str:
        """Where the database is, for error messages."""
        raise NotImplementedError

    def secret_password(self) -> str | None:
        """The password, to hand to a driver."""
        return self.password.get_secret_value() if self.password else None

    def access_token(self, scope: str) -> str | None:
        """A token of the app's identity where the connection asks for one."""
        return credential().get_token(scope).token if self.auth == "managed_identity" else None


class ServerConnection(SqlConnection):
    """A database on a host."""

    host: str
    port: int | None = Field(None, ge=1, le=65535)
    database: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}/{self.database}" if self.port else f"{self.host}/{self.database}"


def dialect_name(secret: Secret) -> str | None:
    """The database that a secret names, in the scheme of its URL or in a field `dialect`; None if it names none."""
    url = str(secret.get("url", ""))
    named = url.partition("://")[0] or str(secret.get("dialect", ""))
    return named.partition("+")[0].lower() or None


def _folded(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def _problem(location: tuple[int | str, ...], message: str) -> str:
    field = ".".join(map(str, location))
    return f"{field}: {message}" if field else message


def refuse_unescaped_at(text: str, source_name: str) -> None:
    """Refuse a URL in which the rest of a password would count as the host, and be printed.

    Raises:
        ConfigurationError: it holds more than one `@`; nothing of it is repeated.
    """
    if text.count("@") > 1:
        raise ConfigurationError(
            f"The connection URL in the secret of source '{source_name}' holds more than one '@'. Write an '@' of the "
            "user's name, the password or the query as %40, or store the secret as a JSON object."
        )


def _from_url(secret: Secret, source_name: str) -> dict[str, Any]:
    text = str(secret["url"])
    refuse_unescaped_at(text, source_name)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is not a number
        raise ConfigurationError(f"The connection URL in the secret of source '{source_name}' is not valid.") from None
    fields: dict[str, Any] = {
        "host": url.host,
        "port": url.port,
        "database": url.database,
        "username": url.username,
        "password": url.password,
        **url.query,
        **{name: value for name, value in secret.items() if name != "url"},
    }
    return {name: value for name, value in fields.items() if value is not None}
