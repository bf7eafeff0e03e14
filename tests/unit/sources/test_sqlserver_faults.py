"""What SQL Server's errors mean: the same numbers by both drivers, whatever language the server speaks."""

from __future__ import annotations

from typing import Any

import mssql_python.exceptions
import pyodbc
import pytest
from sqlalchemy.exc import DBAPIError

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.secrets import Secret
from shared.sources.faults import explain
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.faults import FAULTS
from tests.builders import a_job

CANARY = "canary-8d22"
CONNECTION = SqlServerConnection(host="db.example", port=1433, database="shop", username="reader")
PREFIX = "[Microsoft][ODBC Driver 18 for SQL Server]"
Messages = list[tuple[str, int, str]]
"""SQLSTATE, number and text; the number is 0 if the message is the driver's own."""


def prefix(number: int) -> str:
    """Whose message it is."""
    return f"{PREFIX}[SQL Server]" if number > 0 else PREFIX


def by_mssql_python(messages: Messages) -> Exception:
    """An error as the built-in driver raises it, with the records that its connection keeps."""
    records = [(state, number, f"{prefix(number)}{text}") for state, number, text in messages]
    error: Any = mssql_python.exceptions.OperationalError("General error", records[0][2])
    error.diagnostics = records
    made: Exception = error
    return made


def by_pyodbc(messages: Messages) -> Exception:
    """An error as pyodbc raises it: all messages in one text, each with its number behind it."""
    parts = [f"[{state}] {prefix(number)}{text} ({number})" for state, number, text in messages]
    parts[0] += " (SQLExecDirectW)"
    made: Exception = pyodbc.Error(messages[0][0], "; ".join(parts))
    return made


CASES: list[tuple[Messages, type[IngestionError], str]] = [
    ([("28000", 18456, "Login failed for user 'x'.")], SourceError, "password is wrong"),
    ([("28000", 18456, "Fehler bei der Anmeldung für den Benutzer 'x'.")], SourceError, "password is wrong"),
    ([("28000", 18456, "Échec de l'ouverture de session de l'utilisateur 'x'.")], SourceError, "password is wrong"),
    (
        [("28000", 18456, "Login failed for user '<token-identified principal>'.")],
        SourceError,
        "not a user of the database",
    ),
    (
        [("42000", 4060, 'Cannot open database "x" requested by the login. The login failed.')],
        SourceError,
        "the database does not exist, or",
    ),
    (  # as the driver sorts them: what says most comes last
        [
            ("28000", 18456, "Login failed for user 'x'."),
            ("42000", 4060, 'Cannot open database "x" requested by the login. The login failed.'),
        ],
        SourceError,
        "the database does not exist, or",
    ),
    (
        [("42000", 4060, 'Die von der Anmeldung angeforderte Datenbank "x" kann nicht geöffnet werden.')],
        SourceError,
        "the database does not exist, or",
    ),
    (
        [
            (
                "42000",
                40615,
                "Cannot open server 'x' requested by the login. Client with IP address '1.2.3.4' is not allowed to "
                "access the server.",
            )
        ],
        SourceError,
        "firewall",
    ),
    ([("42000", 229, "The SELECT permission was denied on the object 'x'")], SourceError, "GRANT SELECT"),
    ([("42000", 229, "Die SELECT-Berechtigung wurde für das x-Objekt verweigert.")], SourceError, "GRANT SELECT"),
    (
        [("42000", 40914, "Cannot open server 'x' requested by the login. Client is not allowed to access it.")],
        SourceError,
        "firewall",
    ),
    ([("42000", 47073, "El acceso a la red pública está denegado.")], SourceError, "firewall"),
    ([("42000", 203, "The name 'x y' is not a valid identifier.")], SourceError, "refused"),
    ([("42S02", 208, "Invalid object name 'broken'.")], SourceError, "refused"),
    ([("42S02", 208, "Invalid object name 'tempdb..deadlock'.")], SourceError, "refused"),
    ([("42S22", 207, "Invalid column name '0x274'.")], SourceError, "refused"),
    ([("22003", 8115, "Arithmetic overflow error converting snapshot isolation")], SourceError, "refused"),
    ([("HYT00", 0, "Query timeout expired")], SourceError, "statement_timeout"),
    ([("HYT00", 0, "Login timeout expired")], TransientError, "no answer"),
    ([("08001", -1, "TCP Provider: Error code 0x2AF9")], TransientError, "name is not known"),
    ([("08001", -1, "TCP Provider: Error code 0x2749")], TransientError, "nothing answers"),
    ([("08001", -1, "SSL Provider: certificate verify failed: self-signed certificate")], SourceError, "trust_server_"),
    ([("08S01", -1, "TCP Provider: Error code 0x68")], TransientError, "connection was lost"),
    ([("08S01", -1, "Communication link failure")], TransientError, "connection was lost"),
    (
        [
            (
                "40001",
                1205,
                "Die Transaktion (Prozess-ID 52) befand sich auf Sperre-Ressourcen in einer Deadlocksituation.",
            ),
        ],
        TransientError,
        "ended the transaction",
    ),
    ([("42000", 1222, "Lock request time out period exceeded.")], TransientError, "lock"),
    ([("42000", 3960, "Snapshot isolation transaction aborted due to update conflict.")], TransientError, "snapshot"),
]
PASSING = (
    "40197 40143 40532 49920 596 17187 922 976 983 701 8645 18401 40613 40501 49918 49919 10928 10929 40549 3966 601 "
    "823 1204 4221 802 6005 615 926 1533 16528 22430 42109 49977"
)


@pytest.mark.parametrize("made", [by_mssql_python, by_pyodbc])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("messages", "kind", "meaning"), CASES)
def test_an_error_is_one_sentence_of_the_right_kind(
    made: type, wrapped: bool, messages: Messages, kind: type[IngestionError], meaning: str
) -> None:
    error = made(messages)
    caught: BaseException = DBAPIError("SELECT 1", None, error) if wrapped else error
    explained = explain(caught, a_job(), CONNECTION, Secret({}), FAULTS)
    assert type(explained) is kind
    assert meaning in str(explained)
    assert str(explained).startswith("Source 'shop_pg' (db.example:1433/shop): ")
    assert "\n" not in str(explained)


@pytest.mark.parametrize("made", [by_mssql_python, by_pyodbc])
@pytest.mark.parametrize("number", PASSING.split())
def test_what_microsoft_documents_as_passing_is_tried_again(made: type, number: str) -> None:
    error = made([("42000", int(number), "一時的なエラー")])
    assert isinstance(explain(error, a_job(), CONNECTION, Secret({}), FAULTS), TransientError)


def test_an_error_whose_numbers_are_lost_goes_by_its_text() -> None:
    error = mssql_python.exceptions.OperationalError(
        "General error", f'{PREFIX}[SQL Server]Cannot open database "x" requested by the login. The login failed.'
    )
    assert "does not exist, or" in str(explain(error, a_job(), CONNECTION, Secret({}), FAULTS))


@pytest.mark.parametrize("made", [by_mssql_python, by_pyodbc])
def test_no_secret_value_survives(made: type) -> None:
    error = made([("42000", 50000, f"bad option {CANARY}")])
    explained = explain(error, a_job(), CONNECTION, Secret({"password": CANARY}), FAULTS)
    assert CANARY not in str(explained)
    assert "******" in str(explained)


def test_a_lost_connection_that_has_no_records_is_tried_again() -> None:
    error = mssql_python.exceptions.OperationalError(
        "Communication link failure", f"{PREFIX}Communication link failure"
    )
    assert isinstance(explain(error, a_job(), CONNECTION, Secret({}), FAULTS), TransientError)
