"""What PostgreSQL's errors mean, by SQLSTATE.

The codes are those of "PostgreSQL Error Codes" (appendix A of its manual). libpq reports no SQLSTATE for a connection
that could not be opened, and for one that was lost: these go by its text.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.sources.faults import (
    BUSY,
    ENDED,
    HUNG_UP,
    LOCKED,
    LOST,
    NO_ANSWER,
    NO_HOST,
    NO_RIGHT,
    NO_SERVER,
    NO_SNAPSHOT,
    NOT_A_SERVER,
    STARTING,
    TOO_LONG,
    WRONG_LOGIN,
    Faults,
    fatal,
    passing,
)


def _codes(error: BaseException) -> Sequence[str]:
    state = str(getattr(error, "sqlstate", None) or "").strip("\0")
    return (state,) if state.strip("0") else ()


FAULTS = Faults(
    (
        fatal(WRONG_LOGIN, "28*", r"password authentication failed"),
        fatal("the secret has no password", text=r"no password supplied"),
        fatal("the server does not let this user or address in", text=r"no pg_hba.conf entry"),
        fatal("the database does not exist", "3D000", r'database ".*" does not exist'),
        fatal("the user does not exist", text=r'role ".*" does not exist'),
        fatal(
            "its certificate is not trusted",
            text=r"certificate verify failed|root certificate file|server certificate",
        ),
        fatal(
            NOT_A_SERVER.format("PostgreSQL"), text=r"invalid response to SSL negotiation|server does not support SSL"
        ),
        passing(NO_HOST, text=r"failed to resolve host|could not translate host name|name resolution"),
        passing(NO_SERVER, text=r"connection refused"),
        passing(NO_ANSWER, text=r"connection timeout expired|timeout expired"),
        passing(HUNG_UP, text=r"connection failed: .*closed the connection"),
        fatal(TOO_LONG, "57014"),
        passing(
            LOST,
            "08*",
            r"server closed the connection|connection reset|broken pipe|SSL SYSCALL|EOF detected|SSL error|"
            r"connection not open|no connection to the server|lost synchronization|could not (receive|send) data",
        ),
        passing(ENDED, "40*"),
        passing(BUSY, "53*", r"too many clients|remaining connection slots"),
        passing(LOCKED, "55P03 55006"),
        passing(STARTING, "57P* 58*", r"starting up|shutting down|in recovery mode"),
        passing(NO_SNAPSHOT, "25P03 72* 25P04"),
        fatal(NO_RIGHT, "42501"),
    ),
    drivers=frozenset({"psycopg", "adbc_driver_manager"}),
    codes=_codes,
)
