"""The fields of a connection to SQL Server, and the connection string that ODBC drivers take."""

from __future__ import annotations

import struct
from typing import Any, Literal

from pydantic import Field

from shared.secrets import Secret
from shared.sources.connection import ServerConnection

_TOKEN_SCOPE = "https://database.windows.net/.default"  # noqa: S105  no token, but its audience
_ACCESS_TOKEN = 1256  # SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h
_DEFAULT_PORT = 1433


class SqlServerConnection(ServerConnection):
    """The fields of a connection to SQL Server."""

    driver: str | None = Field(
        None,
        description="mssql-python (also if blank), pyodbc, or the name or path of an ODBC driver for pyodbc.",
    )
    encrypt: Literal["yes", "no", "strict"] = "yes"
    trust_server_certificate: bool = False
    trusted_connection: bool = Field(False, description="Sign in as the account that runs the app.")
    application_intent: Literal["ReadWrite", "ReadOnly"] = "ReadWrite"

    @classmethod
    def of(cls, secret: Secret, source_name: str) -> tuple[SqlServerConnection, Secret]:
        """The connection that a secret describes; a URL `mssql+pyodbc://` chooses that driver. Raises as the base."""
        named = str(secret.get("url", "")).partition("://")[0] or str(secret.get("dialect", ""))
        fields: dict[str, Any] = dict(secret)
        if named.partition("+")[2] == PYODBC and not any(name.lower() == "driver" for name in _all_names(fields)):
            fields["driver"] = PYODBC
        return super().of(Secret(fields), source_name)

    def odbc_string(self, **more: str) -> str:
        """The connection as ODBC writes it, every value in braces so that it may hold any character.

        It ends with `;`: FreeTDS misreads a value in braces that nothing follows.
        """
        by_name = "\\" in self.host  # a named instance: the server's browser service knows its port
        values = {
            "Server": self.host if by_name else f"{self.host},{self.port or _DEFAULT_PORT}",
            "Database": self.database,
            "Encrypt": self.encrypt,
            "TrustServerCertificate": "yes" if self.trust_server_certificate else "no",
            "ApplicationIntent": self.application_intent,
            "KeepAlive": "30",
            "KeepAliveInterval": "10",
            **more,
        }
        if self.trusted_connection:
            values["Trusted_Connection"] = "yes"
        elif self.auth == "password":
            values |= {"UID": self.username or "", "PWD": self.secret_password() or ""}
        return "".join(f"{name}={{{value.replace('}', '}}')}}};" for name, value in values.items())

    def attributes(self) -> dict[int, bytes]:
        """What is set on the connection before it is opened: the access token of a managed identity."""
        token = self.access_token(_TOKEN_SCOPE)
        if token is None:
            return {}
        encoded = token.encode("utf-16-le")
        return {_ACCESS_TOKEN: struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)}


PYODBC = "pyodbc"
MSSQL_PYTHON = "mssql-python"


def _all_names(fields: dict[str, Any]) -> list[str]:
    """The fields of a secret by name, those in the query of its URL included."""
    query = str(fields.get("url", "")).partition("?")[2]
    return [*fields, *(part.partition("=")[0] for part in query.split("&"))]
