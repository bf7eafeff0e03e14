"""The fields of a database connection, from a secret's JSON object or URL."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.errors import ConfigurationError
from shared.secrets import Secret

APPLICATION_NAME = "excel-to-lake"
"""How a connection calls itself, in the database's list of sessions."""

Self = TypeVar("Self", bound="SqlConnection")


class SqlConnection(BaseModel):
    """Where a database is and how to sign in. Field names as in the secret's JSON object; `user` means `username`."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, hide_input_in_errors=True)

    host: str
    port: int | None = Field(None, ge=1, le=65535)
    database: str
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
        if "user" in fields:
            fields["username"] = fields.pop("user")
        try:
            return cls.model_validate(fields), Secret(fields)
        except ValidationError as error:
            problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors(include_input=False))
            raise ConfigurationError(
                f"The connection secret of source '{source_name}' is wrong: {problems}. "
                f"Fields: {', '.join(cls.model_fields)}."
            ) from None

    @property
    def place(self) -> str:
        """Where the database is, for error messages."""
        return f"{self.host}:{self.port or 'default port'}/{self.database}"

    def url(self, drivername: str) -> URL:
        """The SQLAlchemy URL of the connection, for a dialect and driver such as `postgresql+psycopg`."""
        return URL.create(
            drivername,
            username=self.username,
            password=self.password.get_secret_value() if self.password else None,
            host=self.host,
            port=self.port,
            database=self.database,
        )


def _problem(location: tuple[int | str, ...], message: str) -> str:
    field = ".".join(map(str, location))
    return f"{field}: {message}" if field else message


def _from_url(secret: Secret, source_name: str) -> dict[str, Any]:
    try:
        url = make_url(str(secret["url"]))
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
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
