"""PostgreSQL from the wheel."""

from __future__ import annotations

import psycopg
import pytest

from localhost.services import LocalServices


def test_a_wrong_password_is_refused(services: LocalServices) -> None:
    server = services.postgres
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=server.host, port=server.port, user=server.user, password="wrong", dbname=server.database)


def test_rows_password_and_port_are_there_after_a_restart(services: LocalServices, database: str) -> None:
    server = services.postgres
    with server.connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    before = (server.port, server.password)
    server.stop()
    server.start()
    assert (server.port, server.password) == before
    with server.connect(database) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_the_password_is_readable_by_its_owner_alone_and_not_in_the_log(services: LocalServices) -> None:
    password_file = services.postgres.folder / "home" / "password"
    assert password_file.stat().st_mode & 0o077 == 0
    assert services.postgres.password not in (services.postgres.folder / "postgres.log").read_text()


def test_a_database_can_have_any_name_but_only_once(services: LocalServices, database: str) -> None:
    name = f'{database} "quoted"'
    services.postgres.create_database(name)
    with services.postgres.connect(name) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (name,)
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        services.postgres.create_database(name)
