"""A session prints UTC and ISO whatever the server's configuration is, also behind a pooler that passes no options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from localhost.services import LocalServices
from shared.errors.hierarchy import SourceError
from shared.secrets import Secret
from shared.sources.postgresql.session import set_session
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.integration.sources.pooler import pooler


@pytest.fixture(scope="module")
def pooled(services: LocalServices, database_name: str) -> Iterator[Secret]:
    """A connection through the pooler, to a database whose configuration prints otherwise."""
    server = services.postgres
    with services.postgres.connect(database_name, autocommit=True) as connection:
        for setting in ("timezone = 'America/New_York'", "intervalstyle = 'iso_8601'", "datestyle = 'SQL, DMY'"):
            connection.execute(f"ALTER DATABASE {database_name} SET {setting}")
    with pooler(server.host, server.port) as (host, port):
        yield Secret({**server.secret(database_name), "host": host, "port": port})


def test_the_pooler_refuses_what_pgbouncer_refuses(pooled: Secret) -> None:
    parameters = {"host": pooled["host"], "port": pooled["port"], "dbname": pooled["database"]}
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter: options"):
        psycopg.connect(**parameters, user=pooled["username"], password=pooled["password"], options="-c timezone=UTC")


@pytest.mark.parametrize("parallelism", [1, 4])
def test_values_print_the_same_behind_a_pooler(
    pooled: Secret, sql: psycopg.Connection[Any], table: str, lake: Lake, parallelism: int
) -> None:
    sql.execute(
        f"CREATE TABLE {table} (id int PRIMARY KEY, at timestamptz, within tstzrange, span interval, days daterange)"
    )
    sql.execute(
        f"INSERT INTO {table} SELECT n, '2024-01-31 12:00Z', '[\"2024-01-31 12:00Z\",)', '1 year 2 days', "
        "'[2024-01-31,)' FROM generate_series(1, 1000) n"
    )
    lake.secret = pooled
    job = a_job(table_name=table, parallelism=parallelism, load_type="INCREMENTAL", watermark_column="id")
    loaded = lake.load(job)
    assert loaded.num_rows == 1000
    row = loaded.to_pylist()[0]
    assert row["at"].isoformat() == "2024-01-31T12:00:00+00:00"
    assert (row["within"], row["span"], row["days"]) == (
        '["2024-01-31 12:00:00+00",)',
        "1 year 2 days",
        "[2024-01-31,)",
    )
    assert lake.load(job).num_rows == 1000


def test_settings_that_do_not_hold_are_an_error() -> None:
    answers = iter([["on", "0"], ["off", "0"]])
    with pytest.raises(SourceError, match=r"transaction_read_only.*pool_mode"):
        set_session(lambda _statement: [*next(answers), *["x"] * 7], 0)
