"""What SQL Server's errors mean, by the numbers of its messages, and by SQLSTATE where the driver itself speaks.

The numbers that pass by themselves are those that Microsoft documents so: "Transient errors" of Azure SQL Database, the
list `BaselineTransientErrors` of Microsoft.Data.SqlClient, and that of Entity Framework Core
(`SqlServerTransientExceptionDetector`), without what only administration and writing can meet. 4060 is on those lists
for databases that are failing over; here it is for a person, because a wrong name is far more often what it means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.sources.faults import (
    BUSY,
    ENDED,
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
    Fault,
    Faults,
    fatal,
    passing,
)

_BROKEN_OFF = "the server broke off the statement by its own error"
_NO_CERTIFICATE = "its certificate is not trusted: install its authority's certificate, or set trust_server_certificate"

_BY_TOKEN = "<token-identified principal>"  # noqa: S105  what the server calls it in every language

# pyodbc ends each message of a server with its number, and the function that was called
_IN_TEXT = re.compile(r"\[SQL Server\].*?\((\d+)\)(?= \(SQL|;|$)", re.DOTALL)
_STATE = re.compile(r"\[([0-9A-Z]{5})\] \[Microsoft\]")
_LOST_STATES = frozenset({"08S01", "08003", "08007", "01002"})
"""What a driver says of its connection by an SQLSTATE that has this meaning only."""


def _codes(error: BaseException) -> Sequence[str]:
    """The numbers of the server's messages, or the SQLSTATE if the driver speaks for itself.

    `diagnostics` are the records that this project's connection keeps of an error of mssql-python, which itself keeps
    the first text alone.
    """
    recorded: Sequence[tuple[str, int, str]] = getattr(error, "diagnostics", ())
    numbers = [str(number) for _, number, text in recorded if "[SQL Server]" in text]
    states = [state for state, _, _ in recorded]
    if type(error).__module__.split(".")[0] == "pyodbc":
        text = " ".join(map(str, error.args))
        numbers, states = _IN_TEXT.findall(text), _STATE.findall(text)
    if "18456" in numbers and _BY_TOKEN in str(error):
        numbers[numbers.index("18456")] = _NO_USER
    lost = [state for state in states if state in _LOST_STATES]
    # a login that fails ends with 18456 whatever the reason is, and another message names the reason
    return [*sorted(numbers, key=lambda number: number == "18456"), *lost]


_NO_USER = "18456 by token"
NO_LOCK = "1222"
"""The number of the error that a lock was not given within LOCK_TIMEOUT."""

FAULTS = Faults(
    (
        Fault("the app's identity is not a user of the database: CREATE USER it", codes=frozenset({_NO_USER})),
        fatal("the database does not exist, or the user may not open it", "4060 916 911 4064", r"Cannot open database"),
        fatal(WRONG_LOGIN, "18456 18452 18470 18486 18487 18488", r"Login failed|Invalid authorization"),
        fatal(
            "the server's firewall does not let this address in",
            "40615 40914 47073",
            r"not allowed to access the server",
        ),
        fatal(NO_RIGHT, "229 230 297 300 371 262 15247", r"permission was denied"),
        fatal(
            "a view reads another database that allows no snapshots: SET ALLOW_SNAPSHOT_ISOLATION ON in the database "
            "that the message names",
            "3952",
        ),
        fatal("a view of a linked server cannot be read in a snapshot: load the table from its own server", "7420"),
        fatal(
            "a view reads a memory-optimised table (WITH (MEMORY_OPTIMIZED = ON)), which is read in a snapshot of its "
            "own: load that table instead",
            "41332 41333 41368",
        ),
        passing(
            BUSY,
            "701 802 845 1204 1221 1232 3950 8628 8645 8651 10928 10929 10930 10936 17189 17197 17809 17889 22335 "
            "22498 40189 40501 40544 40549 40550 40551 40552 40553 40642 40648 40675 40890 40903 42108 42109 45156 "
            "45157 45161 45182 45319 49510 49918 49919 49920 49977",
            r"is not currently available|service is currently busy|Resource ID|not enough resources",
        ),
        passing(
            STARTING,
            "904 905 913 921 922 923 924 926 927 929 941 942 946 952 976 978 979 980 982 983 988 3953 3980 4221 "
            "5120 6001 6002 6004 6005 6006 14906 17142 17147 17148 17187 17188 18400 18401 18451 18458 18459 18460 "
            "18461 35256 40197 40143 40106 40166 40532 40540 40613 40623 40671 41301 41302 41305 41325 41640 41700 "
            "41701 41823 41839 41840 42019 42029 45153 49802 49983",
            r"shutdown|shutting down|script upgrade mode|failover",
        ),
        passing(ENDED, "1205 1203 3928 3930 3971 3988", r"deadlock"),
        passing(LOCKED, NO_LOCK, r"lock request time out"),
        passing(
            NO_SNAPSHOT,
            "1101 1105 3947 3948 3951 3954 3957 3958 3959 3960 3961 3966 3967 601 605 608 615 2801 2816 4117 4184 8630 "
            "11539 41339 41383",
            r"snapshot isolation",
        ),
        passing(
            _BROKEN_OFF,
            "0 21 596 602 617 669 682 823 829 832 833 844 846 847 1532 1533 1534 1535 1807 2021 3624 3635 4014 9020 "
            "9515 10922 16528 16554 16555 17065 17066 17067 17830 17836 18002 18056 18054 18858 20041 "
            "22225 22226 22353 22355 22358 22427 22430 22491 22493 40070",
        ),
        fatal(TOO_LONG, text=r"Query timeout expired"),
        passing(
            LOST,
            "08S01 08003 08007 01002",
            # how mssql-python itself calls these states, where its error has no records
            r"^Driver Error: (Communication link failure|Connection not open|Connection failure|Disconnect error)|"
            r"Error code (0x2746|0x2745|0x68|0x20)\b",
        ),
        passing(NO_HOST, text=r"0x2AF[9A-C]|No such host|Name or service not known"),
        passing(NO_SERVER, text=r"0x2749|0x274D|connection refused|Server is not found"),
        passing(NO_ANSWER, text=r"Timeout error \[258\]|Login timeout expired|did not connect within|0x274C"),
        fatal(NOT_A_SERVER.format("SQL Server"), text=r"handshakes? before login|prelogin|TDS (version|stream)"),
        fatal(_NO_CERTIFICATE, text=r"certificate|SSL Provider"),
    ),
    drivers=frozenset({"mssql_python", "pyodbc"}),
    codes=_codes,
)
