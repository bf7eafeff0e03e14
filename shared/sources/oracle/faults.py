"""What Oracle's errors mean, by the ORA numbers of the server and the DPY numbers of the driver.

Which ones pass by themselves is Oracle's own judgement: the errors that its driver counts as recoverable or as the end
of a session (`ERR_RECOVERABLE_ERROR_CODES` and `ERR_ORACLE_ERROR_XREF` in `oracledb/errors.py`), and those whose
"Action" in https://docs.oracle.com/en/error-help/db/ is to try again later. Texts come in the language of the client,
so that they count only for what the network says without a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.sources.faults import (
    BUSY,
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

_CODE = re.compile(r"\b(?:ORA|DPY)-\d{4,5}\b")
_CANNOT_CONNECT, _CLOSED = "DPY-6005", "DPY-4011"
_CLOSED_WHILE_CONNECTING = "DPY-6005:DPY-4011"


def codes(error: BaseException) -> Sequence[str]:
    """The numbers in an error's text, the server's first: the driver puts its own before them.

    That it cannot connect is no number of its own, because the cause is in the text after it.
    """
    found = dict.fromkeys(_CODE.findall(str(error)))
    of_server = [code for code in found if code.startswith("ORA")]
    if _CANNOT_CONNECT in found and not of_server:
        return (_CLOSED_WHILE_CONNECTING,) if _CLOSED in found else ()
    return [*of_server, *(code for code in found if code not in of_server)]


FAULTS = Faults(
    (
        fatal(WRONG_LOGIN, "ORA-01017 ORA-01005 DPY-4001"),
        fatal("the account is locked, or its password has expired", "ORA-28000 ORA-28001 ORA-28003 ORA-28221"),
        fatal("the user may not connect: GRANT CREATE SESSION", "ORA-01045"),
        passing(
            "the listener knows no such database: it may be starting, or check service_name or sid",
            "ORA-12514 ORA-12505 DPY-6001 DPY-6003 ORA-12757",
        ),
        fatal(
            "tns_alias is not in tnsnames.ora: check tns_alias and config_dir",
            "ORA-12154 DPY-4000 DPY-4026 DPY-4027 DPY-4017 DPY-4018",
        ),
        fatal("the server asks for what the thin driver does not do", "DPY-3001 DPY-3010 DPY-3015"),
        fatal("the server insists on native network encryption, which the thin driver lacks", "ORA-12660 ORA-12650"),
        fatal(
            "its certificate is not trusted, or is another server's: check wallet_location",
            "DPY-6002 DPY-6006 DPY-6008 DPY-6009 ORA-29024",
            text="certificate",
        ),
        passing(NO_HOST, "ORA-12545", text="name or service not known|getaddrinfo|name resolution"),
        passing(NO_SERVER, "ORA-12203 ORA-12541 ORA-12543", text="refused"),
        passing(HUNG_UP, _CLOSED_WHILE_CONNECTING, text="reset by peer"),
        passing(
            NO_ANSWER,
            "ORA-03136 ORA-12170 ORA-12525 ORA-12535 ORA-12606 ORA-12608 ORA-12609",
            text="did not connect within|timed out",
        ),
        fatal(NOT_A_SERVER.format("Oracle"), "DPY-4022 DPY-4035 DPY-5002 DPY-5004 DPY-5005 DPY-2039"),
        fatal(TOO_LONG, "DPY-4024 ORA-01013 ORA-02393 ORA-02395 ORA-00040"),
        passing(NO_SNAPSHOT, "ORA-01555 ORA-22924 ORA-08181 ORA-08180 ORA-01466 ORA-08176 ORA-08103 ORA-01410"),
        passing(LOCKED, "ORA-00051 ORA-00054 ORA-00060 ORA-02049 ORA-04020 ORA-04021 ORA-30006"),
        passing(
            BUSY,
            "ORA-00018 ORA-00019 ORA-00020 ORA-01652 ORA-02391 ORA-04030 ORA-04031 ORA-04036 ORA-12500 ORA-12516 "
            "ORA-12518 ORA-12519 ORA-12520 ORA-12540 ORA-12549 ORA-12805 ORA-12850 ORA-12853 ORA-56720 ORA-00257",
        ),
        passing(
            STARTING,
            "ORA-01033 ORA-01034 ORA-01089 ORA-01090 ORA-01091 ORA-01092 ORA-01109 ORA-01219 ORA-01507 ORA-10458 "
            "ORA-12521 ORA-12526 ORA-12527 ORA-12528 ORA-16456 ORA-27101 ORA-254*",
        ),
        passing("what the statement uses was changed while it ran", "ORA-04061 ORA-04065 ORA-04068 ORA-12842"),
        passing("the server cannot read its own files just now", "ORA-00376 ORA-01115 ORA-27072"),
        passing(
            "an error inside the server: if it stays, its administrators find this number in the alert log",
            "ORA-00600 ORA-00602 ORA-00603 ORA-00700 ORA-03137 ORA-07445",
        ),
        passing(
            LOST,
            "ORA-00022 ORA-00028 ORA-00031 ORA-00045 ORA-00378 ORA-00609 ORA-01012 ORA-01041 ORA-01043 ORA-02396 "
            "ORA-03113 ORA-03114 ORA-03122 ORA-03135 ORA-03150 ORA-12153 ORA-12537 ORA-12547 ORA-12560 ORA-12564 "
            "ORA-12570 ORA-12571 ORA-12583 ORA-12592 DPY-4011 DPY-4033 DPY-1001 DPY-6000",
        ),
        fatal("the table does not exist, or the user may not read it: GRANT SELECT", "ORA-00942 ORA-04043"),
        fatal(NO_RIGHT, "ORA-01031 ORA-41900"),
    ),
    drivers=frozenset({"oracledb"}),
    codes=codes,
)
