"""The stand-in against the unmodified driver, in both dialects of the protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import oracledb
import pyarrow as pa
import pytest

from tests.oracle_standin.catalogue import Database, Fault
from tests.oracle_standin.server import Server

NUMBERS = [
    "0",
    "1",
    "-1",
    "0.1",
    "-0.01",
    "100",
    "1E30",
    "-1E-30",
    "9" * 38,
    "-" + "9" * 38,
    "12345678901234567890.123456789",
]


@pytest.fixture(params=["19", "23"])
def server(request: Any) -> Iterator[Server]:
    database = Database({"HR": "hr"})
    made = Server(database, version=request.param)
    made.start()
    yield made
    made.close()
    database.close()


@pytest.fixture
def connection(server: Server) -> Iterator[oracledb.Connection]:
    with connect(server) as made:
        yield made


def connect(server: Server, **options: Any) -> oracledb.Connection:
    where = {"user": "hr", "password": "hr", "host": "127.0.0.1", "port": server.port, "service_name": "standin"}
    return oracledb.connect(**(where | options))


def test_logs_on(server: Server, connection: oracledb.Connection) -> None:
    assert connection.version.startswith(("19.", "23."))
    connection.ping()
    with pytest.raises(oracledb.DatabaseError, match="ORA-01017"):
        connect(server, password="other")
    with pytest.raises(oracledb.DatabaseError, match="DPY-6001"):
        connect(server, service_name="other")


def test_numbers_go_both_ways(connection: oracledb.Connection) -> None:
    values = [Decimal(text) for text in NUMBERS]
    with connection.cursor() as cursor:
        cursor.execute("create table n (id number(5), n number)")
        cursor.executemany("insert into n values (:1, :2)", list(enumerate(values)))
        cursor.execute("select n from n order by id", fetch_decimals=True)
        assert [value for (value,) in cursor] == values
        cursor.execute("select n from n order by n", fetch_decimals=True)
        assert [value for (value,) in cursor] == sorted(values)


def test_times_and_texts(connection: oracledb.Connection) -> None:
    moment, text = datetime(2024, 2, 29, 23, 59, 59, 123456), "ñ€😀'\n"
    with connection.cursor() as cursor:
        cursor.execute(
            "create table t (d date, ts timestamp(6), vc varchar2(40), nv nvarchar2(40), ids interval day to second)"
        )
        cursor.setinputsizes(None, oracledb.DB_TYPE_TIMESTAMP, None, oracledb.DB_TYPE_NVARCHAR, None)
        cursor.execute(
            "insert into t values (:1, :2, :3, :4, :5)", [moment, moment, text, text, timedelta(days=-3, seconds=7)]
        )
        cursor.execute("select * from t")
        row = cursor.fetchone()
    assert row == (moment.replace(microsecond=0), moment, text, text, timedelta(days=-3, seconds=7))


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_and_repeated_values(connection: oracledb.Connection, size: int) -> None:
    rows = [(n, "same" if n % 5 else None, n // 4) for n in range(50)]
    with connection.cursor() as cursor:
        cursor.execute("create table b (id number(5), s varchar2(10), k number(5))")
        cursor.executemany("insert into b values (:1, :2, :3)", rows)
        frames = connection.fetch_df_batches("select id, s, k from b order by id", size=size)
        tables = [pa.table(frame) for frame in frames]
        cursor.arraysize = cursor.prefetchrows = size
        assert cursor.execute("select id, s, k from b order by id").fetchall() == rows
    assert [tuple(row.values()) for table in tables for row in table.to_pylist()] == rows


def test_large_objects(connection: oracledb.Connection) -> None:
    text, raw = "aé😀" * 50_000, bytes(range(256)) * 300
    with connection.cursor() as cursor:
        cursor.execute("create table l (id number(5), c clob, n nclob, b blob)")
        cursor.setinputsizes(None, oracledb.DB_TYPE_LONG, oracledb.DB_TYPE_LONG_NVARCHAR, oracledb.DB_TYPE_LONG_RAW)
        cursor.execute("insert into l values (:1, :2, :3, :4)", [1, text, text, raw])
        cursor.execute("insert into l (id) values (2)")
        cursor.execute("select c, n, b from l order by id")
        first, second = cursor.fetchall()
        assert (first[0].read(), first[1].read(), first[2].read(), first[0].size()) == (text, text, raw, len(text))
        assert first[0].read(2, 3) == text[1:4]
        assert second == (None, None, None)
    frame = pa.table(connection.fetch_df_all("select c, n, b from hr.l order by id"))
    assert [list(row.values()) for row in frame.to_pylist()] == [[text, text, raw], [None, None, None]]


def test_errors_say_where(connection: oracledb.Connection) -> None:
    for statement, number, offset in (
        ("select foo from dual", 904, 7),
        ("select 1 from nope", 942, 14),
        ("select 1", 923, 8),
    ):
        with pytest.raises(oracledb.DatabaseError) as caught, connection.cursor() as cursor:
            cursor.execute(statement)
        assert (caught.value.args[0].code, caught.value.args[0].offset) == (number, offset)
    connection.ping()


def test_transactions_and_the_past(server: Server, connection: oracledb.Connection) -> None:
    with connection.cursor() as cursor, connect(server) as other, other.cursor() as reader:
        cursor.execute("create table p (id number(5) primary key, v number(5))")
        cursor.execute("insert into p values (1, 10)")
        assert reader.execute("select count(*) from p").fetchone() == (0,)
        connection.commit()
        (scn,) = cursor.execute("select dbms_flashback.get_system_change_number from dual").fetchone()
        reader.execute("set transaction read only")
        cursor.execute("update p set v = 20")
        cursor.execute("insert into p values (2, 30)")
        connection.commit()
        assert reader.execute("select v from p").fetchall() == [(10,)]
        other.rollback()
        assert reader.execute("select v from p order by id").fetchall() == [(20,), (30,)]
        assert cursor.execute(f"select v from p as of scn {scn}").fetchall() == [(10,)]
        with pytest.raises(oracledb.IntegrityError, match="ORA-00001"):
            cursor.execute("insert into p values (2, 0)")
        cursor.execute("delete from p")
        connection.rollback()
        assert cursor.execute("select count(*) from p").fetchone() == (2,)


def test_faults_and_breaks(server: Server, connection: oracledb.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create table f (id number(5))")
        cursor.executemany("insert into f values (:1)", [(n,) for n in range(5000)])
        server.database.faults.append(Fault("from f", error=1555, text="snapshot too old", after_rows=3000))
        cursor.arraysize = 100
        with pytest.raises(oracledb.DatabaseError, match="ORA-01555"):
            cursor.execute("select id from f").fetchall()
        assert cursor.execute("select count(*) from f").fetchone() == (5000,)
        connection.call_timeout = 300
        server.database.faults.append(Fault("from f", sleep=5))
        started = time.monotonic()
        with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
            cursor.execute("select id from f").fetchall()
        assert time.monotonic() - started < 3
        connection.call_timeout = 0
        assert cursor.execute("select count(*) from f").fetchone() == (5000,)
        server.database.faults.append(Fault("from f", cut=True, after_rows=10))
        with pytest.raises(oracledb.DatabaseError, match="DPY-4011"):
            cursor.execute("select id from f").fetchall()
