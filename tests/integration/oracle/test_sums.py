"""verify = SUMS: exact for numbers whose sum has more digits than a number of Oracle."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest

from shared.errors.hierarchy import ReconciliationError
from shared.sources.verification import Tally
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService

NUMBERS: dict[str, list[Decimal]] = {
    "NUMBER(38)": [Decimal("9" * 38)] * 150 + [Decimal(1)],
    "NUMBER(38,10)": [Decimal("9" * 28 + "." + "9" * 10)] * 150 + [Decimal("0.0000000001")],
    "NUMBER(38,38)": [Decimal("0." + "9" * 38)] * 150 + [Decimal("1E-38")],
    "NUMBER(5,-2)": [Decimal(123400)] * 3,
    "NUMBER": [Decimal("-12345678901234567890.123456789"), Decimal("0.000000001")],
    "FLOAT": [Decimal("1.5"), Decimal("-0.25")],
    "NUMBER(10)": [],
}


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_sum_is_exact_whatever_its_digits(
    oracle: OracleService, lake: Lake, table: str, kind: str, parallelism: int
) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), n {kind})")
    if NUMBERS[kind]:
        oracle.insert(table, list(enumerate(NUMBERS[kind])))
    cells = {"parallelism": parallelism, "partition_column": "id", "verify": "SUMS"}
    loaded = lake.load(a_job(source_type="Oracle", schema_name="reader", table_name=table, **cells))
    assert loaded.num_rows == len(NUMBERS[kind])


def test_one_unit_in_the_last_place_is_seen(
    oracle: OracleService, lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), n NUMBER(38))")
    oracle.insert(table, list(enumerate(NUMBERS["NUMBER(38)"])))
    add = Tally.add

    def off_by_one(tally: Tally, batch: object) -> None:
        add(tally, batch)  # type: ignore[arg-type]
        with localcontext(Context(prec=99)):
            tally.sums["n"] += 1

    monkeypatch.setattr(Tally, "add", off_by_one)
    with pytest.raises(ReconciliationError, match="column 'n' adds up to"):
        lake.load(a_job(source_type="Oracle", schema_name="reader", table_name=table, verify="SUMS"))
