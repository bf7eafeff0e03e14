"""What each driver's errors mean: the errors are the drivers' own objects, as their servers make them."""

from __future__ import annotations

import sqlite3
from typing import Any

import oracledb
import psycopg.errors
import pymysql
import pytest
from adbc_driver_manager import AdbcStatusCode, OperationalError
from sqlalchemy.exc import DBAPIError

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.secrets import Secret
from shared.sources.faults import Faults, explain
from shared.sources.oracle.faults import FAULTS as ORACLE_FAULTS
from shared.sources.postgresql.faults import FAULTS as POSTGRESQL_FAULTS
from shared.sources.postgresql.source import PostgresConnection
from tests.builders import a_job

CANARY = "canary-8d21"
CONNECTION = PostgresConnection(host="db.example", port=5432, database="shop", username="reader")


def adbc(text: str, state: str | None = None) -> Exception:
    return OperationalError(text, status_code=AdbcStatusCode.IO, sqlstate=state)


def oracle(text: str) -> Exception:
    return oracledb.DatabaseError(text)


POSTGRESQL: list[tuple[Exception, type[IngestionError], str]] = [
    (psycopg.OperationalError('FATAL:  password authentication failed for user "x"'), SourceError, "password is wrong"),
    (psycopg.errors.InvalidCatalogName('database "x" does not exist'), SourceError, "database does not exist"),
    (psycopg.errors.InsufficientPrivilege("permission denied for table t"), SourceError, "GRANT SELECT"),
    (psycopg.errors.UndefinedColumn('column "x" does not exist'), SourceError, "refused"),
    (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), SourceError, "statement_timeout"),
    (psycopg.errors.DeadlockDetected("deadlock detected"), TransientError, "ended the transaction"),
    (psycopg.errors.SerializationFailure("could not serialize"), TransientError, "ended the transaction"),
    (psycopg.errors.TooManyConnections("too many clients already"), TransientError, "no room"),
    (psycopg.errors.DiskFull("No space left on device"), TransientError, "no room"),
    (psycopg.errors.AdminShutdown("terminating connection"), TransientError, "failing over"),
    (psycopg.errors.CannotConnectNow("the database system is starting up"), TransientError, "failing over"),
    (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), TransientError, "lock"),
    (psycopg.OperationalError("FATAL:  sorry, too many clients already"), TransientError, "no room"),
    (psycopg.OperationalError('FATAL:  no pg_hba.conf entry for host "1.2.3.4"'), SourceError, "does not let"),
    (psycopg.OperationalError("SSL error: certificate verify failed"), SourceError, "not trusted"),
    (adbc("IO: [libpq] server closed the connection unexpectedly"), TransientError, "connection was lost"),
    (adbc("IO: SSL SYSCALL error: EOF detected"), TransientError, "connection was lost"),
    (adbc("INTERNAL: ERROR: snapshot too old", "72000"), TransientError, "snapshot"),
    (adbc("IO: terminating connection due to administrator command", "57P01"), TransientError, "failing over"),
    (adbc('INVALID_ARGUMENT: relation "x" does not exist', "42P01"), SourceError, "refused"),
    # the code decides whatever the language, and whatever else the text mentions
    (adbc("ABGEBROCHEN: Verklemmung entdeckt", "40P01"), TransientError, "ended the transaction"),
    (adbc("désolé, trop de clients sont déjà connectés", "53300"), TransientError, "no room"),
    (adbc("データベースシステムは起動中", "57P03"), TransientError, "failing over"),
    (adbc("permiso denegado a la tabla pedidos", "42501"), SourceError, "GRANT SELECT"),
    (adbc('relation "deadlock_log" does not exist', "42P01"), SourceError, "refused"),
    (adbc('column "snapshot" does not exist', "42703"), SourceError, "refused"),
    (adbc('function "connection refused"() does not exist', "42883"), SourceError, "refused"),
]

OTHERS: list[tuple[Exception, type[IngestionError], str]] = [
    (pymysql.OperationalError(1045, "Access denied for user 'x'@'y'"), SourceError, "password is wrong"),
    (pymysql.OperationalError(2003, "Can't connect to MySQL server on 'x' ([Errno 111])"), TransientError, "nothing"),
    (pymysql.OperationalError(2006, "MySQL server has gone away"), TransientError, "connection was lost"),
    (pymysql.OperationalError(1213, "Deadlock found when trying to get lock"), TransientError, "ended the transaction"),
    (pymysql.ProgrammingError(1146, "Table 'x' doesn't exist"), SourceError, "refused"),
    (sqlite3.OperationalError("database is locked"), TransientError, "no room"),
]


@pytest.mark.parametrize(("error", "kind", "meaning"), OTHERS)
def test_an_error_of_another_driver_goes_by_its_text(
    error: Exception, kind: type[IngestionError], meaning: str
) -> None:
    explained = explain(DBAPIError("SELECT 1", None, error), a_job(), CONNECTION, Secret({}))
    assert type(explained) is kind
    assert meaning in str(explained)


@pytest.mark.parametrize(
    ("faults", "error", "kind", "meaning"),
    [(POSTGRESQL_FAULTS, *case) for case in POSTGRESQL],
    ids=lambda value: str(value)[:40].replace("\n", " "),
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_is_one_sentence_of_the_right_kind(
    faults: Faults, error: Exception, kind: type[IngestionError], meaning: str, wrapped: bool
) -> None:
    caught: BaseException = DBAPIError("SELECT 1", None, error) if wrapped else error
    explained = explain(caught, a_job(), CONNECTION, Secret({}), faults)
    assert type(explained) is kind
    assert meaning in str(explained)
    assert str(explained).startswith("Source 'shop_pg' (db.example:5432/shop): ")
    assert "\n" not in str(explained)


@pytest.mark.parametrize(
    ("faults", "make"),
    [(POSTGRESQL_FAULTS, adbc), (ORACLE_FAULTS, oracle), (POSTGRESQL_FAULTS, psycopg.OperationalError)],
)
def test_no_secret_value_survives(faults: Faults, make: Any) -> None:
    explained = explain(make(f"bad option {CANARY}"), a_job(), CONNECTION, Secret({"password": CANARY}), faults)
    assert CANARY not in str(explained)
    assert "******" in str(explained)


def test_errors_of_others_are_not_touched() -> None:
    errors = [ValueError("x"), SourceError("y"), OSError("connection refused")]
    assert [explain(error, a_job(), CONNECTION, Secret({})) for error in errors] == errors
