"""A server that fails in the middle: the error is the server's own, and says whether to try again."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import SERVICE, OracleService

FAULTS: dict[str, tuple[dict[str, Any], type[IngestionError], str]] = {
    "the connection is cut": ({"cut": True}, TransientError, "the connection was lost.*DPY-4011"),
    "ORA-03113": ({"error": 3113, "text": "end-of-file"}, TransientError, "the connection was lost.*ORA-03113"),
    "ORA-00600": ({"error": 600, "text": "internal error"}, TransientError, "inside the server.*ORA-00600"),
    "ORA-01555": ({"error": 1555, "text": "snapshot too old"}, TransientError, "snapshot.*ORA-01555"),
    "ORA-01578": ({"error": 1578, "text": "block corrupted"}, SourceError, "refused.*ORA-01578"),
}


@pytest.fixture
def rows(oracle: OracleService, table: str) -> int:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9) PRIMARY KEY, name VARCHAR2(20))")
    oracle.insert(table, [(n, f"row {n}") for n in range(5000)])
    return 5000


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("verify", ["Y", "SUMS", False])
def test_an_error_in_mid_fetch_is_the_servers_own_and_the_next_attempt_loads(
    oracle: OracleService, lake: Lake, table: str, rows: int, fault: str, parallelism: int, verify: Any
) -> None:
    order, kind, message = FAULTS[fault]
    cells = {"chunk_size": 500, "parallelism": parallelism, "verify": verify or False}
    job = a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table, **cells)
    oracle.order(rf'{table}"?\.name AS name', after_rows=1200 if parallelism == 1 else 100, **order)
    with pytest.raises(kind, match=f"(?i){message}") as caught:
        lake.load(job)
    assert "DPY-1001" not in str(caught.value)
    assert lake.load(job).num_rows == rows


@pytest.mark.parametrize("number", [12514, 12505, 12516, 12528])
def test_a_listener_that_refuses_just_now_is_tried_again(
    oracle: OracleService, lake: Lake, table: str, rows: int, number: int
) -> None:
    job = a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table)
    oracle.order("CONNECT", error=number)
    with pytest.raises(TransientError, match=f"{oracle.host}:{oracle.port}/{SERVICE}"):
        lake.load(job)
    assert lake.load(job).num_rows == rows


def test_a_silent_server_is_given_up_after_statement_timeout(
    oracle: OracleService, lake: Lake, table: str, rows: int
) -> None:
    lake.secret = type(lake.secret)({**oracle.secret, "statement_timeout": 1})
    job = a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table)
    oracle.order(rf'{table}"?\.name AS name', sleep=30)
    with pytest.raises(SourceError, match="longer than statement_timeout allows"):
        lake.load(job)
    assert lake.load(job).num_rows == rows
