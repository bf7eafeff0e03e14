"""What a database driver's error means: try again later, or tell a person what to mend.

A driver's rules are tried in order and the first that fits decides; an error that no rule knows is for a person. The
codes are those of the manuals: PostgreSQL's SQLSTATE classes, SQL Server's messages (its drivers keep no number), and
Oracle's ORA and DPY numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.connection import SqlConnection

_SHOWN = 500  # characters of a driver's text


@dataclass(frozen=True)
class Fault:
    """What some errors have in common: how to know them, what they mean, and whether they pass by themselves."""

    pattern: re.Pattern[str]
    meaning: str
    passes: bool = False


def _fatal(pattern: str, meaning: str) -> Fault:
    return Fault(re.compile(pattern, re.IGNORECASE), meaning)


def _passing(pattern: str, meaning: str) -> Fault:
    return Fault(re.compile(pattern, re.IGNORECASE), meaning, passes=True)


_NO_SERVER = "nothing answers there: check host and port, and that the server runs"
_NO_ANSWER = "no answer within connect_timeout: check host and port, and the firewall between"
_NO_HOST = "the host's name is not known: check host"
_NOT_A_SERVER = "what answers there is no {}, or does not speak TLS as asked: check port and encryption settings"
_HUNG_UP = "it hung up before the connection was open: check that port is the database's, and whether it restarts"
_LOST = "the connection was lost"
_WRONG_LOGIN = "the user name or the password is wrong"
_BUSY = "the server has no room for the request just now"
_TOO_LONG = "a statement took longer than statement_timeout allows"

_POSTGRESQL = (
    _fatal(r"^28|password authentication failed", _WRONG_LOGIN),
    _fatal(r"no password supplied", "the secret has no password"),
    _fatal(r"no pg_hba.conf entry", "the server does not let this user or address in"),
    _fatal(r'^3D000|database ".*" does not exist', "the database does not exist"),
    _fatal(r'role ".*" does not exist', "the user does not exist"),
    _fatal(r"certificate verify failed|root certificate file|server certificate", "its certificate is not trusted"),
    _fatal(r"invalid response to SSL negotiation|server does not support SSL", _NOT_A_SERVER.format("PostgreSQL")),
    _passing(r"failed to resolve host|could not translate host name|name resolution", _NO_HOST),
    _passing(r"connection refused", _NO_SERVER),
    _passing(r"connection timeout expired|timeout expired", _NO_ANSWER),
    _passing(r"connection failed: .*closed the connection", _HUNG_UP),
    _fatal(r"^57014", _TOO_LONG),
    _passing(r"^08|server closed the connection|connection reset|broken pipe|SSL SYSCALL|EOF detected", _LOST),
    _passing(r"^40|deadlock", "the server ended the transaction so that others could go on"),
    _passing(r"^53|too many clients|remaining connection slots", _BUSY),
    _passing(r"^55P03", "a lock was held by others"),
    _passing(r"^57P|^58|starting up|shutting down", "the server is starting, stopping or failing over"),
    _passing(r"^25P03|^72|snapshot", "the snapshot that was read is gone"),
    _fatal(r"^42501", "the user lacks a right that reading needs: GRANT SELECT"),
)

_SQL_SERVER = (
    _fatal(r"Login failed for user '<token", "the app's identity is no user of the database: CREATE USER it"),
    _fatal(r"Login failed|Invalid authorization", _WRONG_LOGIN),
    _fatal(r"not allowed to access the server", "the server's firewall does not let this address in"),
    _passing(r"is not currently available|service is currently busy|Resource ID|not enough resources", _BUSY),
    _fatal(r"Cannot open database", "the database does not exist, or the user may not open it"),
    _fatal(
        r"certificate|SSL Provider",
        "its certificate is not trusted: install its authority's certificate, or set trust_server_certificate",
    ),
    _fatal(r"handshakes? before login|prelogin|TDS (version|stream)", _NOT_A_SERVER.format("SQL Server")),
    _passing(r"0x2AF[9A-C]|No such host|Name or service not known", _NO_HOST),
    _passing(r"0x2749|0x274D|connection refused|Server is not found", _NO_SERVER),
    _passing(r"Timeout error \[258\]|Login timeout expired|did not connect within", _NO_ANSWER),
    _fatal(r"Query timeout expired|HYT00|Timeout expired", _TOO_LONG),
    _passing(r"deadlock", "the server ended the transaction so that others could go on"),
    _passing(r"Communication link|0x274|0x68|forcibly closed|Connection not open|Disconnect|broken", _LOST),
    _passing(r"snapshot isolation|tempdb|lock request time out", "a lock or a version of a row was not to be had"),
    _passing(
        r"shutdown|shutting down|script upgrade mode|failover", "the server is starting, stopping or failing over"
    ),
    _fatal(r"permission was denied", "the user lacks a right that reading needs: GRANT SELECT"),
)

_ORACLE = (
    _fatal(r"ORA-01017|ORA-01005|DPY-4001", _WRONG_LOGIN),
    _fatal(r"ORA-28000|ORA-28001", "the account is locked, or its password has expired"),
    _fatal(r"ORA-12514|DPY-6001|ORA-12505|DPY-6003", "the listener knows no such database: check service_name or sid"),
    _fatal(r"DPY-4000|DPY-4026|DPY-4027|DPY-4017", "tns_alias is not in tnsnames.ora: check tns_alias and config_dir"),
    _fatal(r"DPY-3001|DPY-3010|DPY-3015", "the server asks for what the thin driver does not do"),
    _fatal(r"ORA-12660|ORA-12650", "the server insists on native network encryption, which the thin driver lacks"),
    _passing(r"ORA-12545", _NO_HOST),
    _passing(r"connection refused|ORA-12541", _NO_SERVER),
    _passing(r"DPY-6005.*DPY-4011", _HUNG_UP),
    _passing(r"did not connect within|timed out|ORA-12170", _NO_ANSWER),
    _fatal(r"DPY-4022|DPY-5002|DPY-5004|DPY-5005|DPY-2039|DPY-6002", _NOT_A_SERVER.format("Oracle")),
    _fatal(r"DPY-4024", _TOO_LONG),
    _passing(r"ORA-01555|ORA-08181|ORA-08180|ORA-01466", "the snapshot that was read is gone"),
    _passing(r"ORA-00060|ORA-00054", "a lock was held by others"),
    _passing(r"ORA-12516|ORA-12519|ORA-12520|ORA-00018|ORA-00020|ORA-01652|ORA-04031", _BUSY),
    _passing(r"ORA-01033|ORA-01034|ORA-01089|ORA-0109|ORA-12528|ORA-254", "the server is starting or failing over"),
    _passing(r"ORA-0311[34]|ORA-03135|ORA-125[37]|DPY-4011|DPY-1001|DPY-600[05]", _LOST),
    _fatal(r"ORA-01031|ORA-00942", "the table does not exist, or the user may not read it: GRANT SELECT"),
)

_OTHERS = (
    _fatal(r"access denied|authentication fail|login fail|invalid (user|password)", _WRONG_LOGIN),
    _passing(r"name or service not known|getaddrinfo|name resolution", _NO_HOST),
    _passing(r"connection refused|can't connect", _NO_SERVER),
    _passing(r"timed out|timeout expired", _NO_ANSWER),
    _passing(r"gone away|lost connection|connection (was )?(reset|closed|aborted)|broken pipe", _LOST),
    _passing(r"deadlock", "the server ended the transaction so that others could go on"),
    _passing(r"too many connections|database is locked", _BUSY),
)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "psycopg": _POSTGRESQL,
    "adbc_driver_manager": _POSTGRESQL,
    "mssql_python": _SQL_SERVER,
    "pyodbc": _SQL_SERVER,
    "oracledb": _ORACLE,
}
"""The rules by the driver's package; those of any other driver go by what most of them write."""


def explain(error: BaseException, job: Job, connection: SqlConnection, secret: Secret) -> BaseException:
    """A driver's error as a `SourceError` or `TransientError` of one sentence; other errors come back unchanged."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig else error
    driver = type(origin).__module__.split(".")[0]
    if isinstance(origin, IngestionError) or not (driver in FAULTS or isinstance(error, DBAPIError)):
        return error
    text = secret.shown(str(origin))
    state = str(getattr(origin, "sqlstate", None) or "").strip("\0")
    fault = next(
        (one for one in FAULTS.get(driver, _OTHERS) if one.pattern.search(state) or one.pattern.search(text)), None
    )
    meaning = f"{fault.meaning}. The driver says" if fault else "the database refused"
    sentence = f"Source '{job.source_name}' ({connection.place}): {meaning}: {text[:_SHOWN]}"
    return TransientError(sentence) if fault and fault.passes else SourceError(sentence)
