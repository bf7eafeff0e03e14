"""query_filter against a real server: the rows that the filter as typed gives, and no way to anything else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import adbc_driver_postgresql.dbapi
import psycopg
import pytest
import sqlalchemy as sa

from shared.jobs.filters import FilterError, checked_filter
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.postgresql.source import PostgresSource
from shared.sources.source import ReadOptions
from tests.builders import a_job
from tests.filters import ATTACKS, filter_of
from tests.integration.sources.conftest import Lake

COLUMNS = (
    "id int primary key, a int, b numeric(10,2), c boolean, d timestamptz, s text, j jsonb, x int[], i interval, "
    '"Order Date" date, größe double precision'
)
ROWS = """
insert into {0} select n, case when n % 7 = 0 then null else n % 5 - 2 end, n / 3.0, n % 3 = 0,
'2024-01-01Z'::timestamptz + n * interval '17 hours',
(array['O''Brien', '100%', 'a\\b', 'it''s; --', 'x_y', '%s', 'ü'])[n % 7 + 1],
jsonb_build_object('k', n % 4, 'l', jsonb_build_array(n, 'v')), array[n % 3, n % 5], n * interval '1 hour',
'2024-02-27'::date + n, n / 7.0 from generate_series(1, 60) n
"""
NUMBERS = (
    "a",
    "b",
    "-a",
    "a + 1",
    "b * 2",
    "a % 2",
    "length(s)",
    "cardinality(x)",
    "(j ->> 'k')::int",
    "größe",
    "x[1]",
)
VALUES = ("0", "1", "-1", "2.5", ".5e1", "a", "abs(a)", "coalesce(a, 9)", "extract(day from d)", "round(b, 1)", "null")
CONDITIONS = (
    *(
        "c",
        "not c",
        "c is not true",
        "a is null",
        "a isnull",
        "s like '100\\%'",
        "s like 'x!_y' escape '!'",
        "s ~ '^[a-z]'",
    ),
    *(
        "s ilike '%B%'",
        "s = 'O''Brien'",
        "s = E'a\\\\b'",
        "s = $$it's; --$$",
        "s in ('%s', 'ü')",
        "s = '%s'",
        "s similar to '%_%'",
    ),
    *(
        "d > '2024-01-05'",
        "d >= timestamp with time zone '2024-01-09 02:00:00+02'",
        "d at time zone 'UTC' < '2024-01-20'",
    ),
    *(
        "\"Order Date\" = date '2024-02-29'",
        "date_trunc('month', d) = '2024-02-01Z'",
        "d - interval '1 day' < '2024-01-03'",
    ),
    *(
        "j @> '{\"k\": 1}'",
        "j ? 'k'",
        "j ->> 'k' = '2'",
        "j #>> '{l,1}' = 'v'",
        "(j -> 'l' ->> 0)::int > 30",
        "x @> array[1]",
    ),
    *("1 = any(x)", "a = any('{1,2}')", "a <> all(array[1, 2])", "(a, c) = (1, true)", "(a, id) in ((1, 3), (2, 4))"),
    *(
        "case when c then a > 0 else a < 0 end",
        "a between symmetric 2 and -1",
        "a is distinct from 1",
        "i > interval '1' day",
    ),
    *(
        "extract(dow from d) in (0, 6)",
        "lower(s) < upper('z')",
        "s collate \"C\" < 'b'",
        "position('b' in s) > 0",
        "id & 1 = 1",
    ),
)


@pytest.fixture(scope="module")
def orders(sql: psycopg.Connection[Any]) -> str:
    """A table with a row of every kind, in the database of the module, with a table that must survive."""
    sql.execute(f"create table orders ({COLUMNS})")
    sql.execute(ROWS.format("orders"))
    sql.execute("create table victim (id int)")
    sql.execute("create table called (id int)")
    sql.execute(
        "create function zzleak(anyelement) returns boolean language plpgsql volatile as "
        "$$ begin insert into called values (1); return true; end $$"
    )
    return "orders"


def conditions() -> Iterator[str]:
    """Conditions on every kind of column, and ones that are made of two."""
    chance = random.Random(16)
    yield from CONDITIONS
    for left, right in chance.sample(list(product(NUMBERS, VALUES)), 40):
        yield f"{left} {chance.choice(('=', '<>', '!=', '<', '>=', 'is distinct from'))} {right}"
    for _ in range(30):
        one, two = chance.choice(CONDITIONS), chance.choice(CONDITIONS)
        yield chance.choice(
            ("{} and not {}", "{} or {}", "({} or {}) and c", "not ({} and {})", "{}\n  or a = 1 and {}")
        ).format(one, two)


def opened(job: Job, secret: Secret) -> tuple[PostgresSource, Any]:
    """The source of a job, with its table."""
    source = PostgresSource(job, secret, ReadOptions())
    source._engine = source.engine()
    return source, source._table_read(source._reflect(source._engine))


def test_a_filter_gives_the_rows_that_it_gives_as_typed(
    sql: psycopg.Connection[Any], secret: Secret, orders: str
) -> None:
    tried = list(conditions())
    source, read = opened(a_job(table_name=orders, included_columns=("id",)), secret)
    with source.snapshot(read.table, 1) as snapshot:
        for text in tried:
            source.job = read.job.model_copy(update={"query_filter": text})
            batches = list(snapshot.read(read.query(None, None), read.columns))
            ours = sorted(int(str(number)) for batch in batches for number in batch.column(0).to_pylist())
            theirs = sorted(int(row[0]) for row in sql.execute(f"select id from orders where {text}".encode()))
            assert ours == theirs, text
    assert len(tried) > 100


def test_what_passes_acts_on_nothing_even_where_a_session_may_write(sql: psycopg.Connection[Any], orders: str) -> None:
    passed = 0
    for number in range(4_000):
        try:
            text = checked_filter(filter_of(number, "postgres"), "postgres")
        except FilterError:
            continue
        passed += 1
        try:  # without parameters psycopg sends a message that may hold several statements
            cursor = sql.execute(f"select count(*) from (select 1 from orders t where ({text})) q".encode())
            assert not cursor.nextset(), text
        except psycopg.Error:
            continue
    assert passed > 200
    assert sql.execute("select (select count(*) from called), to_regclass('victim') is not null").fetchone() == (
        0,
        True,
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_changes_nothing_in_a_load_and_in_a_dry_run(
    lake: Lake, sql: psycopg.Connection[Any], secret: Secret, orders: str, attack: str
) -> None:
    for text in (attack, f"c or {attack}"):
        job = a_job(table_name=orders, query_filter=text)
        for act in (
            lambda job=job: lake.load(job),
            lambda job=job: PostgresSource(job, secret, ReadOptions()).examine(),
        ):
            with pytest.raises(Exception, match=r"query_filter of job 'pg_orders_full'|the database refused"):
                act()
    assert sql.execute("select (select count(*) from called), to_regclass('victim') is not null").fetchone() == (
        0,
        True,
    )


@pytest.mark.parametrize("more", ["; select 2", "; commit; drop table victim", "; begin read write; drop table victim"])
def test_no_message_takes_a_second_statement(secret: Secret, orders: str, more: str) -> None:
    source, read = opened(a_job(table_name=orders), secret)
    with source._engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="multiple commands"):
        connection.exec_driver_sql(f"select 1{more}")
    with source._engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="multiple commands"):
        connection.exec_driver_sql(f"explain (format json) select 1{more}")
    with (
        adbc_driver_postgresql.dbapi.connect(source._conninfo()) as connection,
        connection.cursor() as cursor,
        pytest.raises(Exception, match="multiple commands"),
    ):
        cursor.execute(f"select 1{more}")
    assert read.table.name == orders


@pytest.mark.parametrize("way", ["set transaction read write", "drop table victim", "insert into victim values (1)"])
def test_no_statement_leaves_the_read_only_session(secret: Secret, orders: str, way: str) -> None:
    source, _ = opened(a_job(table_name=orders), secret)
    with source._engine.connect() as connection:
        connection.exec_driver_sql("select 1")
        with pytest.raises(sa.exc.DBAPIError, match=r"read-only transaction|must be set before any query"):
            connection.exec_driver_sql(way)


def test_a_dry_run_warns_of_a_login_that_may_write(sql: psycopg.Connection[Any], secret: Secret, orders: str) -> None:
    examined = PostgresSource(a_job(table_name=orders), secret, ReadOptions()).examine()
    assert examined.warnings == (
        "The login of source 'shop_pg' may change public.orders. Loads only read: give it a login without write "
        "grants.",
    )
    sql.execute("create role reading_only login password 'reading'; grant select on orders to reading_only")
    reader = Secret({**secret, "username": "reading_only", "password": "reading"})
    assert PostgresSource(a_job(table_name=orders), reader, ReadOptions()).examine().warnings == ()
