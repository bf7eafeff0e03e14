"""What Oracle's errors mean: by number, whatever the language, and as Oracle's own driver judges them."""

from __future__ import annotations

import oracledb
import pytest
from oracledb import errors as oracles_own

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.secrets import Secret
from shared.sources.faults import explain
from shared.sources.oracle.connection import OracleConnection
from shared.sources.oracle.faults import FAULTS, codes
from tests.builders import a_job

CONNECTION = OracleConnection(host="db", service_name="shop", username="reader")
HELP = "Help: https://docs.oracle.com/error-help/db/ora-{}/"
REFUSED = "DPY-6005: cannot connect to database (CONNECTION_ID=Zx==)."
CLOSED = "DPY-4011: the database or network closed the connection"
ERRORS: list[tuple[str, type[IngestionError], str]] = [
    ("ORA-01017: invalid username/password; logon denied", SourceError, "password is wrong"),
    ("ORA-01017: ungültiger Benutzername/Kennwort; Anmeldung abgelehnt", SourceError, "password is wrong"),
    ("DPY-4001: no credentials specified", SourceError, "password is wrong"),
    ("ORA-28000: The account is locked.", SourceError, "locked"),
    ("ORA-01045: user X lacks CREATE SESSION privilege; logon denied", SourceError, "GRANT CREATE SESSION"),
    (
        'DPY-6001: Service "x" is not registered with the listener at host "h" port 1521. (Similar to ORA-12514)',
        TransientError,
        "it may be starting, or check service_name",
    ),
    ('DPY-6003: SID "x" is not registered with the listener. (Similar to ORA-12505)', TransientError, "sid"),
    ('DPY-4000: unable to find "X" in tnsnames.ora', SourceError, "config_dir"),
    ("DPY-3001: Native Network Encryption is only supported in thick mode", SourceError, "thin"),
    ("ORA-00942: table or view does not exist", SourceError, "GRANT SELECT"),
    ("ORA-00942: 表またはビューが存在しません。", SourceError, "GRANT SELECT"),
    ('ORA-00904: "SNAPSHOT TOO OLD": invalid identifier', SourceError, "refused"),
    ("DPY-4024: call timeout of 1000 ms exceeded", SourceError, "statement_timeout"),
    ("ORA-01555: snapshot too old: rollback segment number 4 too small", TransientError, "snapshot"),
    ("ORA-01555: instantané trop vieux", TransientError, "snapshot"),
    ("ORA-00604: error occurred at recursive SQL level 1\nORA-01555: snapshot too old", TransientError, "snapshot"),
    ("ORA-08103: object no longer exists", TransientError, "snapshot"),
    ("ORA-01410: ungültige ROWID", TransientError, "snapshot"),
    ("ORA-12805: parallel query server died unexpectedly", TransientError, "no room"),
    ("ORA-02049: délai dépassé: transaction distribuée en attente de verrou", TransientError, "lock"),
    ("ORA-00257: アーカイバ・エラー", TransientError, "no room"),
    ("ORA-04068: existing state of packages has been discarded", TransientError, "changed while it ran"),
    ("ORA-22924: snapshot too old", TransientError, "snapshot"),
    ("ORA-12801: error signaled in parallel query server P001\nORA-01652: unable to extend", TransientError, "no room"),
    ("ORA-00060: deadlock detected", TransientError, "lock"),
    ("ORA-12541: Cannot connect. No listener", TransientError, "nothing answers"),
    ("ORA-12516: TNS:listener could not find available handler", TransientError, "no room"),
    ("ORA-01033: ORACLE initialization or shutdown in progress", TransientError, "starting"),
    ("ORA-25408: can not safely replay call", TransientError, "failing over"),
    (CLOSED, TransientError, "connection was lost"),
    (f"{CLOSED}\nORA-03113: end-of-file on communication channel\n{HELP}", TransientError, "connection was lost"),
    (f"{CLOSED}\nORA-00600: internal error code, arguments: [kdsgrp1]", TransientError, "inside the server"),
    ("ORA-07445: exception encountered: core dump", TransientError, "inside the server"),
    (f"{REFUSED}\n[Errno 111] Connection refused", TransientError, "nothing answers"),
    (f"{REFUSED}\n[Errno -2] Name or service not known", TransientError, "name is not known"),
    (f"{REFUSED}\n[Errno 110] Connection timed out", TransientError, "no answer within"),
    (f"{REFUSED}\n{CLOSED}", TransientError, "hung up before"),
    (f"{REFUSED}\n[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", SourceError, "not trusted"),
    ("ORA-01722: invalid number", SourceError, "refused"),
    ("ORA-20001: deadlock in our own trigger, connection refused", SourceError, "refused"),
    ("ORA-01578: ORACLE data block corrupted (file # 7, block # 1)", SourceError, "refused"),
]


@pytest.mark.parametrize(("text", "kind", "meaning"), ERRORS, ids=lambda value: str(value)[:30])
def test_an_error_is_one_sentence_of_the_right_kind(text: str, kind: type[IngestionError], meaning: str) -> None:
    explained = explain(oracledb.DatabaseError(text), a_job(), CONNECTION, Secret({}), FAULTS)
    assert type(explained) is kind
    assert meaning in str(explained)
    assert "\n" not in str(explained)


@pytest.mark.parametrize(
    "number", sorted({*oracles_own.ERR_RECOVERABLE_ERROR_CODES, *oracles_own.ERR_ORACLE_ERROR_XREF})
)
def test_what_oracles_driver_counts_as_recoverable_passes_by_itself(number: int) -> None:
    made = oracles_own._Error(f"ORA-{number:05d}: a text in any language", code=number)
    fault = FAULTS.find(made.exc_type(made), made.message)
    assert not made.isrecoverable or (fault and fault.passes), made.message


def test_the_servers_number_counts_before_the_drivers() -> None:
    assert codes(oracledb.DatabaseError(f"{CLOSED}\nORA-03113: end-of-file")) == ["ORA-03113", "DPY-4011"]
    assert codes(oracledb.DatabaseError(f"{REFUSED}\nConnection refused")) == ()
    assert codes(oracledb.DatabaseError("no number at all")) == []


def test_no_number_means_two_things() -> None:
    listed = [code for rule in FAULTS.rules for code in rule.codes]
    assert len(listed) == len(set(listed))
