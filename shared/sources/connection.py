"""The fields of a database connection, from a secret's JSON object or URL, as a SQLAlchemy URL."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.errors import ConfigurationError
from shared.secrets import Secret


class SqlConnection(BaseModel):
    """Where a database is and how to sign in. Field names as in the secret's JSON object; `user` means `username`."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    host: str
    port: int | None = Field(None, ge=1, le=65535)
    database: str
    username: str | None = None
    password: SecretStr | None = None
    sslmode: str | None = None
    connect_timeout: int = Field(15, ge=1, description="Seconds to wait for the server.")
    statement_timeout: int = Field(0, ge=0, description="Seconds that one statement may take; 0 means no limit.")

    @classmethod
    def of(cls, secret: Secret, source_name: str) -> SqlConnection:
        """The connection that a secret describes.

        Raises:
            ConfigurationError: a field is missing, unknown or of the wrong type; values are not repeated.
        """
        fields = _from_url(secret, source_name) if "url" in secret else dict(secret)
        if "user" in fields:
            fields["username"] = fields.pop("user")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(
                f"The connection secret of source '{source_name}' is wrong: {problems}. "
                f"Fields: {', '.join(cls.model_fields)}."
            ) from None

    def url(self, drivername: str) -> URL:
        """The SQLAlchemy URL of the connection, for a dialect and driver such as `postgresql+psycopg`."""
        password = self.password.get_secret_value() if self.password else None
        return URL.create(
            drivername,
            username=self.username,
            password=password,
            host=self.host,
            port=self.port,
            database=self.database,
        )


def _from_url(secret: Secret, source_name: str) -> dict[str, Any]:
    try:
        url = make_url(str(secret["url"]))
    except ArgumentError:
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
