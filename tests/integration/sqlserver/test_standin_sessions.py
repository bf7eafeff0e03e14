"""The stand-in against its own small client: transactions, snapshots, faults on order, and large results."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.sqlserver.standin_case import Case
from tests.tds_standin.client import ServerError
from tests.tds_standin.faults import Fault


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    made.client.run(
        "CREATE TABLE t (id int PRIMARY KEY, v int, rv rowversion); INSERT INTO t (id, v) VALUES (1, 10), (2, 20)"
    )
    made.client.run("CREATE TABLE f (id int PRIMARY KEY, s nvarchar(100)); EXEC standin_fill 'dbo.f', 5000")
    yield made
    made.close()


def test_a_snapshot_sees_one_moment(case: Case) -> None:
    case.other.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION")
    assert case.other.value("SELECT SUM(v) FROM t") == 30
    case.client.run("UPDATE t SET v = 100; DELETE FROM t WHERE id = 2; INSERT INTO t (id, v) VALUES (3, 1)")
    assert case.other.rows("SELECT id, v FROM t ORDER BY id") == [(1, 10), (2, 20)]
    case.fails(3960, "UPDATE t SET v = 0 WHERE id = 1", case.other)
    assert case.other.value("SELECT @@TRANCOUNT") == 0
    assert case.other.rows("SELECT id, v FROM t ORDER BY id") == [(1, 100), (3, 1)]


def test_snapshots_not_allowed(case: Case) -> None:
    case.client.run("ALTER DATABASE standin SET ALLOW_SNAPSHOT_ISOLATION OFF")
    assert case.client.value("SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()") == 0
    case.other.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    case.fails(3952, "SELECT * FROM t", case.other)


def test_a_row_in_flight(case: Case) -> None:
    """The later rowversion is committed first: a reader that goes on from the highest one misses the earlier."""
    case.client.run(
        "ALTER DATABASE standin SET READ_COMMITTED_SNAPSHOT ON; BEGIN TRANSACTION; INSERT INTO t (id, v) VALUES (3, 30)"
    )
    low = case.client.value("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint)")
    case.other.run("INSERT INTO t (id, v) VALUES (4, 40)")
    assert case.other.rows("SELECT id FROM t ORDER BY rv DESC") == [(4,), (2,), (1,)]
    case.client.run("COMMIT")
    missed, seen = (case.other.value(f"SELECT CAST(rv AS bigint) FROM t WHERE id = {one}") for one in (3, 4))
    assert (missed, seen) == (low, low + 1)
    assert case.other.value("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint)") == seen + 1


def test_a_reader_waits_for_a_writer(case: Case) -> None:
    case.client.run("BEGIN TRANSACTION; UPDATE t SET v = 11 WHERE id = 1")
    assert case.other.value("SELECT v FROM t WITH (NOLOCK) WHERE id = 1") == 11
    case.fails(1222, "SET LOCK_TIMEOUT 100; SELECT v FROM t", case.other)
    case.other.run("SET LOCK_TIMEOUT -1")
    timer = threading.Timer(0.3, case.client.run, ("ROLLBACK",))
    timer.start()
    assert case.other.value("SELECT v FROM t WHERE id = 1") == 10
    timer.join()


def test_a_table_lock_holds_writers_off(case: Case) -> None:
    case.client.run("BEGIN TRANSACTION; SELECT TOP 1 1 FROM t WITH (TABLOCK, HOLDLOCK)")
    case.fails(1222, "SET LOCK_TIMEOUT 100; INSERT INTO t (id) VALUES (9)", case.other)
    case.client.run("ROLLBACK")
    case.other.run("INSERT INTO t (id) VALUES (9)")


def test_snapshots_that_begin_together_see_the_same(case: Case) -> None:
    case.client.run("CREATE TABLE m (id int PRIMARY KEY, v int); EXEC standin_fill 'dbo.m', 3000")
    readers = [case.connect() for _ in range(3)]
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            case.other.run(f"UPDATE m SET v = v + 1 WHERE id < {number}; DELETE FROM m WHERE id = {number * 7}")

    writer = threading.Thread(target=change)
    writer.start()
    try:
        case.client.run("BEGIN TRANSACTION; SELECT TOP 1 1 FROM m WITH (TABLOCK, HOLDLOCK)")
        for reader in readers:
            reader.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION; SELECT TOP 1 1 FROM m")
        case.client.run("ROLLBACK")
        time.sleep(0.3)
        whole = readers[0].rows("SELECT id, v FROM m ORDER BY id")
        parts = [readers[n].rows(f"SELECT id, v FROM m WHERE id % 2 = {n - 1}") for n in (1, 2)]
        assert sorted(parts[0] + parts[1]) == whole
        now = case.client.rows("SELECT id, v FROM m ORDER BY id")
    finally:
        stop.set()
        writer.join()
    assert now != whole


def test_savepoints_and_requests(case: Case) -> None:
    assert case.client.transact(5).changes == [8]
    case.client.run("UPDATE t SET v = 0; SAVE TRANSACTION s; DELETE FROM t; ROLLBACK TRANSACTION s")
    assert case.client.value("SELECT SUM(v) FROM t") == 0
    assert case.client.transact(8).changes == [10]
    assert case.client.value("SELECT SUM(v) FROM t") == 30


def test_a_deadlock(case: Case) -> None:
    case.client.run("BEGIN TRANSACTION; UPDATE t SET v = 1 WHERE id = 1")
    case.other.run("BEGIN TRANSACTION; UPDATE t SET v = 2 WHERE id = 2")
    case.client.start("UPDATE t SET v = 3 WHERE id = 2")
    time.sleep(0.2)
    case.fails(1205, "UPDATE t SET v = 4 WHERE id = 1", case.other)
    case.client.finish()
    case.client.run("COMMIT")
    assert case.client.rows("SELECT v FROM t ORDER BY id") == [(1,), (3,)]


def test_errors_on_order(case: Case) -> None:
    for number in (1205, 40613, 10928, 49920):
        case.engine.faults.append(Fault("FROM f", error=number))
        case.fails(number, "SELECT * FROM f")
    case.client.run("""EXEC standin_fault '{"match": "FROM f", "error": 3960, "after_rows": 1000}'""")
    case.fails(3960, "SELECT * FROM f")
    assert len(case.client.rows("SELECT * FROM f")) == 5000


def test_cuts(case: Case) -> None:
    for fault in (
        Fault("FROM f", cut=True),
        Fault("FROM f", cut=True, after_rows=3000),
        Fault("FROM f", torn=True, after_rows=10),
    ):
        case.engine.faults.append(fault)
        with pytest.raises(Exception) as caught, case.connect() as client:
            client.run("SELECT * FROM f")
        assert not isinstance(caught.value, ServerError)
    case.engine.faults.append(Fault("FROM f", error=596))
    client = case.connect()
    assert case.fails(596, "SELECT * FROM f", client).level == 21
    with pytest.raises(Exception):  # noqa: B017  the connection is gone
        client.run("SELECT 1")


def test_no_way_in(case: Case) -> None:
    case.engine.faults += [Fault("CONNECT", cut=True), Fault("LOGIN sa", error=40613)]
    with pytest.raises(Exception) as caught:
        case.connect()
    assert not isinstance(caught.value, ServerError)
    with pytest.raises(ServerError):
        case.connect()
    case.connect()


def test_silence_and_attention(case: Case) -> None:
    case.engine.faults.append(Fault("FROM f", silent=120))  # longer than the client waits
    for sql in ("SELECT * FROM f", "WAITFOR DELAY '0:2:0'"):
        case.client.start(sql)
        time.sleep(0.1)
        assert case.client.cancel().cancelled
    assert case.client.value("SELECT COUNT(*) FROM f") == 5000
    case.engine.faults.append(Fault("FROM f", silent=20, on_attention="close"))
    case.client.start("SELECT * FROM f")
    with pytest.raises(Exception):  # noqa: B017  the connection is gone
        case.client.cancel()


def test_slow_rows(case: Case) -> None:
    case.engine.faults.append(Fault("FROM f", row_delay=0.01))
    started = time.monotonic()
    case.client.run("SELECT TOP 20 * FROM f")
    assert time.monotonic() - started > 0.2


def test_kill(case: Case) -> None:
    other = case.connect()
    case.client.run(f"KILL {other.value('SELECT @@SPID')}")
    with pytest.raises(Exception):  # noqa: B017  the connection is gone
        other.run("SELECT 1")


def test_long_work_is_cancelled(case: Case) -> None:
    case.client.start("SELECT COUNT(*) FROM f a, f b, f c")
    time.sleep(0.1)
    assert case.client.cancel().cancelled


def test_the_log(case: Case) -> None:
    case.client.run("SELECT 1 -- look for me")
    assert case.engine.log.texts("look for me") == ["SELECT 1 -- look for me"]
    assert len(case.engine.log.texts("tls=None")) == 2


def test_many_rows_are_sent_in_one_answer(case: Case) -> None:
    case.client.run(
        "CREATE TABLE s (id int NOT NULL PRIMARY KEY, a bigint, b decimal(18,4), c nvarchar(50), d datetime2(7), "
        "e float, f varchar(50), g uniqueidentifier, h date, i bit)"
    )
    case.client.run("EXEC standin_fill 'dbo.s', 50000")
    case.client.start("SELECT * FROM s")
    answer = bytearray()
    while not answer.endswith((50_000).to_bytes(8, "little")):  # the count, with which an answer ends
        part = case.client.sock.recv(1 << 20)
        assert part
        answer += part
    assert len(answer) > 2_500_000
