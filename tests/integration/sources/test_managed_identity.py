"""`auth = managed_identity`: the access token of the app's identity is what the databases are signed in with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import psycopg
import psycopg.sql
import pytest

from localhost.services import LocalServices
from shared import identity
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.postgresql.source import PostgresConnection
from shared.sources.sqlserver.connection import SqlServerConnection
from tests.builders import a_job
from tests.integration.sources.conftest import Lake

POSTGRESQL = "https://ossrdbms-aad.database.windows.net"
SQL_SERVER = "https://database.windows.net"
SIGNED_IN_BY_TOKEN = 1256  # SQL_COPT_SS_ACCESS_TOKEN


@pytest.fixture(autouse=True)
def app_identity(environment: dict[str, str]) -> Iterator[None]:
    """The app's credential, made again with the variables of the local identity endpoint."""
    settings.cache_clear()
    identity.credential.cache_clear()
    yield
    settings.cache_clear()
    identity.credential.cache_clear()


def test_postgresql_takes_the_token_as_password(
    lake: Lake, services: LocalServices, sql: psycopg.Connection[Any], secret: Secret, table: str
) -> None:
    fields = {**{name: secret[name] for name in ("host", "port", "database")}, "sslmode": "prefer"}
    lake.secret = Secret({**fields, "username": table, "auth": "managed_identity"})
    connection, _ = PostgresConnection.of(lake.secret, "shop")
    token = connection.libpq_parameters()["password"]
    assert services.identity.verify(token, POSTGRESQL)["aud"] == POSTGRESQL
    # azure-identity keeps the token, so the test can set beforehand what the server expects
    sql.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(psycopg.sql.Identifier(table), token))
    sql.execute(f"CREATE TABLE {table} AS SELECT 1 AS id")
    sql.execute(f"GRANT SELECT ON {table} TO {table}")
    assert lake.load(a_job(table_name=table)).column("id").to_pylist() == [1]


def test_a_connection_by_token_insists_on_tls() -> None:
    secret = Secret({"host": "h", "database": "d", "username": "u", "auth": "managed_identity"})
    assert PostgresConnection.of(secret, "shop")[0].libpq_parameters()["sslmode"] == "require"


def test_sql_server_takes_the_token_as_an_attribute(services: LocalServices) -> None:
    secret = Secret({"host": "h", "database": "d", "auth": "managed_identity"})
    connection, _ = SqlServerConnection.of(secret, "shop")
    attribute = connection.attributes()[SIGNED_IN_BY_TOKEN]
    length, token = int.from_bytes(attribute[:4], "little"), attribute[4:]
    assert length == len(token)
    assert services.identity.verify(token.decode("utf-16-le"), SQL_SERVER)["aud"] == SQL_SERVER
    assert "UID" not in connection.odbc_string()
    assert jwt.get_unverified_header(token.decode("utf-16-le"))["alg"]
