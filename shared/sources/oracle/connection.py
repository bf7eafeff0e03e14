"""The fields of a connection to Oracle, and its sessions: thin mode needs no client, and prints texts one way."""

from __future__ import annotations

import socket
from typing import Any

import oracledb
from pydantic import Field, model_validator

from shared.errors.hierarchy import TransientError
from shared.sources.connection import APPLICATION_NAME, SqlConnection
from shared.sources.deadline import connect_within

_DEFAULT_PORT = 1521


_KEEPALIVE_MINUTES = 1


_SESSION = (
    "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,' NLS_SORT = BINARY NLS_COMP = BINARY TIME_ZONE = '+00:00' "
    "NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF' "
    "NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FFTZH:TZM'"
)


READ_ONLY = "SET TRANSACTION READ ONLY"
"""Begins a transaction that sees the database as of now and cannot change it."""


class OracleConnection(SqlConnection):
    """The fields of a connection to Oracle: a host with a service name or SID, or a TNS alias with its folder."""

    host: str | None = None
    port: int = Field(_DEFAULT_PORT, ge=1, le=65535)
    service_name: str | None = None
    sid: str | None = None
    tns_alias: str | None = None
    config_dir: str | None = Field(None, description="The folder of tnsnames.ora.")
    wallet_location: str | None = None
    wallet_password: str | None = None

    @classmethod
    def _other_names(cls) -> dict[str, str]:
        return super()._other_names() | {"database": "service_name"}

    @model_validator(mode="after")
    def _names_one_database(self) -> OracleConnection:
        if sum(name is not None for name in (self.service_name, self.sid, self.tns_alias)) != 1:
            raise ValueError("give exactly one of service_name, sid and tns_alias")
        if self.tns_alias is None and self.host is None:
            raise ValueError("host is missing")
        if self.auth == "managed_identity":
            raise ValueError("auth managed_identity is not for Oracle: give username and password")
        return self

    @property
    def place(self) -> str:
        return self.tns_alias or f"{self.host}:{self.port}/{self.service_name or self.sid}"

    def connect(self) -> oracledb.Connection:
        """A new connection, or an error in time: the driver limits TCP's part only, and not the server's greeting."""
        try:
            return connect_within(self.connect_timeout, self.place, self._connect)
        except socket.gaierror as error:  # the driver lets this one through as it is
            raise TransientError(f"{self.place}: the host's name is not known ({error}): check host.") from None

    def _connect(self) -> oracledb.Connection:
        """A new connection whose session prints texts the same way on every server."""
        where: dict[str, Any] = (
            {"dsn": self.tns_alias}
            if self.tns_alias
            else {"host": self.host, "port": self.port, "service_name": self.service_name, "sid": self.sid}
        )
        connection = oracledb.connect(
            **where,
            user=self.username,
            password=self.secret_password(),
            config_dir=self.config_dir,
            wallet_location=self.wallet_location,
            wallet_password=self.wallet_password,
            tcp_connect_timeout=self.connect_timeout,
            expire_time=_KEEPALIVE_MINUTES,
            program=APPLICATION_NAME,
        )
        connection.call_timeout = self.statement_timeout * 1000
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
        return connection
