"""What Oracle's errors mean, by ORA and DPY numbers, which stand in every text."""

from __future__ import annotations

from shared.sources.faults import (
    BUSY,
    HUNG_UP,
    LOCKED,
    LOST,
    NO_ANSWER,
    NO_HOST,
    NO_SERVER,
    NO_SNAPSHOT,
    NOT_A_SERVER,
    TOO_LONG,
    WRONG_LOGIN,
    Faults,
    fatal,
    passing,
)

FAULTS = Faults(
    (
        fatal(WRONG_LOGIN, text=r"ORA-01017|ORA-01005|DPY-4001"),
        fatal("the account is locked, or its password has expired", text=r"ORA-28000|ORA-28001"),
        fatal(
            "the listener knows no such database: check service_name or sid",
            text=r"ORA-12514|DPY-6001|ORA-12505|DPY-6003",
        ),
        fatal(
            "tns_alias is not in tnsnames.ora: check tns_alias and config_dir",
            text=r"DPY-4000|DPY-4026|DPY-4027|DPY-4017",
        ),
        fatal("the server asks for what the thin driver does not do", text=r"DPY-3001|DPY-3010|DPY-3015"),
        fatal(
            "the server insists on native network encryption, which the thin driver lacks", text=r"ORA-12660|ORA-12650"
        ),
        passing(NO_HOST, text=r"ORA-12545"),
        passing(NO_SERVER, text=r"connection refused|ORA-12541"),
        passing(HUNG_UP, text=r"DPY-6005.*DPY-4011"),
        passing(NO_ANSWER, text=r"did not connect within|timed out|ORA-12170"),
        fatal(NOT_A_SERVER.format("Oracle"), text=r"DPY-4022|DPY-5002|DPY-5004|DPY-5005|DPY-2039|DPY-6002"),
        fatal(TOO_LONG, text=r"DPY-4024"),
        passing(NO_SNAPSHOT, text=r"ORA-01555|ORA-08181|ORA-08180|ORA-01466"),
        passing(LOCKED, text=r"ORA-00060|ORA-00054"),
        passing(BUSY, text=r"ORA-12516|ORA-12519|ORA-12520|ORA-00018|ORA-00020|ORA-01652|ORA-04031"),
        passing(
            "the server is starting or failing over",
            text=r"ORA-01033|ORA-01034|ORA-01089|ORA-0109|ORA-12528|ORA-254",
        ),
        passing(LOST, text=r"ORA-0311[34]|ORA-03135|ORA-125[37]|DPY-4011|DPY-1001|DPY-600[05]"),
        fatal("the table does not exist, or the user may not read it: GRANT SELECT", text=r"ORA-01031|ORA-00942"),
    ),
    drivers=frozenset({"oracledb"}),
)
