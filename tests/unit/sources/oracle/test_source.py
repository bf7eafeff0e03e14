"""The SQL that Oracle is asked, what oracledb's data frames become, and how a connection is written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import oracle as untyped_oracle

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.secrets import Secret
from shared.sources.columns import ReadColumn, arrow_schema
from shared.sources.oracle.compiler import HintsFollowTables
from shared.sources.oracle.connection import OracleConnection
from shared.sources.oracle.rowids import blocks_query, rowid_ranges, sample_query
from shared.sources.oracle.snapshot import OracleSnapshot
from shared.sources.oracle.source import OracleSource
from shared.sources.oracle.types import REFLECTED, sampled
from shared.sources.partitions import key_ranges
from shared.sources.source import ReadOptions
from shared.sources.table_read import TableRead
from tests.builders import a_job

FORMAT = "YYYY-MM-DD HH24:MI:SS"
oracle: Any = untyped_oracle  # its constructors have no types
DECIMAL = pa.decimal128(38, 9)
DIGITS = "TO_CHAR({c}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
TYPES: dict[str, tuple[Any, str, pa.DataType]] = {
    "NUMBER": (oracle.NUMBER(), DIGITS, DECIMAL),
    "NUMBER(10)": (oracle.NUMBER(10, 0), "{c}", pa.decimal128(10, 0)),
    "NUMBER(38,10)": (oracle.NUMBER(38, 10), "{c}", pa.decimal128(38, 10)),
    "NUMBER(5,-2)": (oracle.NUMBER(5, -2), "{c}", pa.decimal128(7, 0)),
    "INTEGER": (sa.INTEGER(), "{c}", pa.decimal128(38, 0)),
    "FLOAT": (oracle.FLOAT(100), DIGITS, DECIMAL),
    "FLOAT(126)": (sa.DOUBLE_PRECISION(), DIGITS, DECIMAL),  # as SQLAlchemy reflects it, and the next
    "FLOAT(63)": (sa.REAL(), DIGITS, DECIMAL),
    "BINARY_DOUBLE": (oracle.BINARY_DOUBLE(), "{c}", pa.float64()),
    "VARCHAR2": (sa.VARCHAR(10), "{c}", pa.string()),
    "NCHAR": (sa.NCHAR(10), "{c}", pa.string()),
    "CLOB": (sa.CLOB(), "{c}", pa.string()),
    "LONG": (oracle.LONG(), "{c}", pa.string()),
    "RAW": (oracle.RAW(16), "{c}", pa.binary()),
    "BLOB": (sa.BLOB(), "{c}", pa.binary()),
    "LONG RAW": (REFLECTED["LONG RAW"](), "{c}", pa.binary()),
    "DATE": (oracle.DATE(), "{c}", pa.timestamp("us")),
    "TIMESTAMP": (oracle.TIMESTAMP(), "{c}", pa.timestamp("us")),
    "TIMESTAMP WITH TIME ZONE": (
        oracle.TIMESTAMP(timezone=True),
        "SYS_EXTRACT_UTC({c})",
        pa.timestamp("us", "UTC"),
    ),
    "TIMESTAMP WITH LOCAL TIME ZONE": (
        oracle.TIMESTAMP(local_timezone=True),
        "SYS_EXTRACT_UTC({c})",
        pa.timestamp("us", "UTC"),
    ),
    "INTERVAL": (oracle.INTERVAL(), "TO_CHAR({c})", pa.string()),
    "INTERVAL YEAR TO MONTH": (REFLECTED["INTERVAL YEAR TO MONTH"](), "TO_CHAR({c})", pa.string()),
    "ROWID, UROWID": (oracle.ROWID(), "CAST({c} AS VARCHAR2(4000 CHAR))", pa.string()),
    "JSON": (oracle.JSON(), "JSON_SERIALIZE({c} RETURNING CLOB)", pa.string()),
    "XMLTYPE": (REFLECTED["XMLTYPE"](), "XMLSERIALIZE(CONTENT {c} AS CLOB)", pa.string()),
    "an object": (sa.types.NullType(), "XMLSERIALIZE(CONTENT XMLTYPE({c}) AS CLOB)", pa.string()),
    "VECTOR": (oracle.VECTOR(), "FROM_VECTOR({c} RETURNING CLOB)", pa.string()),
    "BOOLEAN": (sa.BOOLEAN(), "{c}", pa.bool_()),
}


def read_of(source_type: Any, *, name: str = "c", **settings: Any) -> TableRead:
    job = a_job(**({"source_type": "Oracle", "schema_name": "hr", "table_name": "employees"} | settings))
    secret = Secret({"host": "h", "service_name": "s", "username": "u", "password": "p"})
    made = OracleSource(job, secret, ReadOptions())
    made._engine = sa.create_engine("oracle+oracledb://", creator=lambda: None)
    made._engine.dialect.statement_compiler = HintsFollowTables
    table = sa.Table("employees", sa.MetaData(schema="hr"), sa.Column(name, source_type))
    columns = made._read_columns(table)
    return TableRead(job, made, made.options, table, columns, arrow_schema(columns, ()))


def sql(read: TableRead, *conditions: sa.ColumnElement[bool]) -> str:
    return " ".join(read.database.compile(read.query(None, None).where(*conditions)).split())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_asked_for_in_a_form_that_arrow_has(name: str) -> None:
    source_type, expression, arrow_type = TYPES[name]
    read = read_of(source_type)
    assert read.schema.field("c").type == arrow_type
    assert sql(read) == f"SELECT {expression.format(c='hr.employees.c')} AS c FROM hr.employees"


def test_the_compiler_is_one_of_the_drivers_dialect_whose_execution_context_needs_what_it_leaves() -> None:
    made = sa.create_engine("oracle+oracledb://", creator=lambda: None)
    assert issubclass(HintsFollowTables, made.dialect.statement_compiler)


def test_a_file_outside_the_database_is_refused() -> None:
    with pytest.raises(SourceError, match=r"Column 'c' \(BFILE\) .* leave it out with excluded_columns"):
        read_of(oracle.BFILE())


@pytest.mark.parametrize(
    ("source_type", "declared", "expression", "wire"),
    [
        (oracle.NUMBER(), "text", DIGITS, pa.string()),
        (sa.DOUBLE_PRECISION(), "text", DIGITS, pa.string()),
        (oracle.BINARY_DOUBLE(), "text", "TO_CHAR({c})", pa.string()),
        (oracle.TIMESTAMP(), "text", f"LTRIM(TO_CHAR({{c}}, 'S{FORMAT}.FF'))", pa.string()),
        (sa.BLOB(), "text", "RAWTOHEX({c})", pa.string()),
        (sa.CLOB(), "json", "{c}", pa.string()),
        (oracle.NUMBER(), "bigint", "CAST({c} AS NUMBER(19))", pa.int64()),
        (oracle.NUMBER(), "double", "CAST({c} AS BINARY_DOUBLE)", pa.float64()),
        (sa.VARCHAR(9), "decimal(9,2)", "CAST({c} AS NUMERIC(9, 2))", pa.decimal128(9, 2)),
        (oracle.NUMBER(), "bool", "CAST({c} AS NUMBER(1, 0))", pa.int64()),
        (oracle.TIMESTAMP(), "date", "CAST({c} AS DATE)", pa.date32()),
        (sa.VARCHAR(30), "timestamp", "CAST({c} AS TIMESTAMP)", pa.timestamp("us")),
        (oracle.DATE(), "timestamp", "{c}", pa.timestamp("us")),
        (oracle.TIMESTAMP(timezone=True), "timestamp", "SYS_EXTRACT_UTC({c})", pa.timestamp("us")),
        (oracle.RAW(16), "binary", "{c}", pa.binary()),
    ],
)
def test_an_override_is_cast_without_losing_more_than_it_says(
    source_type: Any, declared: str, expression: str, wire: pa.DataType
) -> None:
    read = read_of(source_type, column_types={"c": declared})
    assert sql(read) == f"SELECT {expression.format(c='hr.employees.c')} AS c FROM hr.employees"
    assert read.column("c").wire_type == wire


@pytest.mark.parametrize("declared", ["time", "binary"])
def test_an_override_that_oracle_has_no_cast_for_is_refused(declared: str) -> None:
    with pytest.raises(SourceError, match=f"column_types .* names {declared}, to which Oracle casts nothing"):
        read_of(sa.VARCHAR(9), column_types={"c": declared})


UTC_TIME = datetime(2024, 1, 31, 8, 0, 0, 123456, tzinfo=UTC)
NAIVE = datetime(2024, 1, 31, 8, 0, 0, 123456)
CURSORS = [
    (oracle.NUMBER(10, 0), Decimal(5), "hr.employees.c >= 5", "hr.employees.c > 5"),
    (oracle.NUMBER(), Decimal("5.250000000"), "hr.employees.c >= 5.250000000", "hr.employees.c > 5.250000000"),
    (
        oracle.DATE(),
        NAIVE.replace(microsecond=0),
        f"hr.employees.c >= TO_DATE('2024-01-31 08:00:00', '{FORMAT}')",
        f"hr.employees.c > TO_DATE('2024-01-31 08:00:00', '{FORMAT}')",
    ),
    (
        oracle.TIMESTAMP(),
        NAIVE,
        f"hr.employees.c >= TO_TIMESTAMP('2024-01-31 08:00:00.123456', '{FORMAT}.FF6')",
        f"hr.employees.c >= TO_TIMESTAMP('2024-01-31 08:00:00.123457', '{FORMAT}.FF6')",
    ),
    (
        oracle.TIMESTAMP(timezone=True),
        UTC_TIME,
        f"hr.employees.c >= TO_TIMESTAMP_TZ('2024-01-31 08:00:00.123456+00:00', '{FORMAT}.FF6TZH:TZM')",
        f"hr.employees.c >= TO_TIMESTAMP_TZ('2024-01-31 08:00:00.123457+00:00', '{FORMAT}.FF6TZH:TZM')",
    ),
    (sa.VARCHAR(10), "a'ä%", "hr.employees.c >= 'a''ä%'", "hr.employees.c > 'a''ä%'"),
]


@pytest.mark.parametrize(("source_type", "value", "since", "beyond"), CURSORS)
def test_a_watermark_is_compared_in_its_columns_type(source_type: Any, value: Any, since: str, beyond: str) -> None:
    read = read_of(source_type)
    column = read.column("c")
    assert sql(read, read.database.since(column, value)).endswith(f"WHERE {since}")
    assert sql(read, read.database.beyond(column, value)).endswith(f"WHERE {beyond}")


def test_names_filters_ranges_and_casts_are_in_one_statement() -> None:
    settings = {"query_filter": 'EMPLOYEES."Mixed Case" <> 7', "column_types": {"Mixed Case": "decimal(18,4)"}}
    read = read_of(oracle.FLOAT(126), name="Mixed Case", **settings)
    first, _ = key_ranges(read.table.c["Mixed Case"], [sa.literal(1.5)])
    assert sql(read, first) == (
        'SELECT CAST(hr.employees."Mixed Case" AS NUMERIC(18, 4)) AS "Mixed Case" FROM hr.employees '
        'WHERE (EMPLOYEES."Mixed Case" <> 7) AND (hr.employees."Mixed Case" < 1.5 OR hr.employees."Mixed Case" IS NULL)'
    )


@pytest.mark.parametrize(
    ("source_type", "value", "bound"),
    [
        (oracle.NUMBER(), Decimal("1E+30"), "1" + "0" * 30),
        (oracle.NUMBER(), 1.5e-7, "1.5e-07"),
        (oracle.BINARY_DOUBLE(), 1e200, "1e+200d"),
        (oracle.BINARY_FLOAT(), 0.1, "0.1d"),
        (sa.VARCHAR(9), "a'ä%", "'a''ä%'"),
        (oracle.RAW(16), b"\0\xff", "HEXTORAW('00ff')"),
        (oracle.DATE(), NAIVE, f"TO_DATE('2024-01-31 08:00:00', '{FORMAT}')"),
        (oracle.TIMESTAMP(), NAIVE, f"TO_TIMESTAMP('2024-01-31 08:00:00.123456', '{FORMAT}.FF6')"),
        (
            oracle.TIMESTAMP(timezone=True),
            "2024-01-31 08:00:00.123456789",
            f"TO_TIMESTAMP_TZ('2024-01-31 08:00:00.123456789+00:00', '{FORMAT}.FF9TZH:TZM')",
        ),
    ],
)
def test_a_range_of_keys_begins_with_a_literal_that_oracle_reads(source_type: Any, value: Any, bound: str) -> None:
    read = read_of(source_type)
    nowhere: Any = None
    snapshot = OracleSnapshot(nowhere, read.table, 4, 123, nowhere)
    key = read.table.c.c
    _, last = key_ranges(key, [snapshot.literal(key, value)])
    assert sql(read, last).endswith(f"WHERE hr.employees.c >= {bound}")


def test_times_with_a_zone_are_sampled_in_the_order_of_their_instants() -> None:
    key = read_of(oracle.TIMESTAMP(timezone=True)).table.c.c
    assert str(sampled(key)) == f"TO_CHAR(SYS_EXTRACT_UTC(hr.employees.c), '{FORMAT}.FF9')"


def test_a_snapshot_and_a_sample_follow_the_table() -> None:
    read = read_of(oracle.NUMBER(10, 0))
    made: Any = read.database
    nowhere: Any = None
    as_of = OracleSnapshot(nowhere, read.table, 4, 123, nowhere).pinned(read.query(None, None))
    assert " ".join(made.compile(as_of.where(read.table.c.c > 5)).split()) == (
        "SELECT hr.employees.c AS c FROM hr.employees AS OF SCN 123 WHERE hr.employees.c > 5"
    )
    counted = as_of.with_only_columns(sa.func.count(), maintain_column_froms=True)
    assert " ".join(made.compile(counted).split()) == ("SELECT count(*) AS count_1 FROM hr.employees AS OF SCN 123")


def test_a_table_is_divided_by_the_places_of_its_rows() -> None:
    read = read_of(oracle.NUMBER(10, 0))
    made: Any = read.database

    def text(query: Any) -> str:
        return " ".join(made.compile(query).split())

    assert text(blocks_query(read.table, made._engine.dialect)) == (
        "SELECT sys.all_tables.blocks FROM sys.all_tables WHERE sys.all_tables.owner = 'HR' "
        "AND sys.all_tables.table_name = 'EMPLOYEES' AND sys.all_tables.iot_type IS NULL"
    )
    assert text(sample_query(read.table, 1_000)) == (
        'SELECT ROWIDTOCHAR(ROWID) AS "ROWIDTOCHAR_1" FROM hr.employees SAMPLE BLOCK (20.000000) ORDER BY ROWID'
    )
    assert "SAMPLE" not in text(sample_query(read.table, 100))
    ranges = rowid_ranges(["AAA1", "AAA2", "AAA3", "AAA4", "AAA5", "AAA6"], 3)
    assert [sql(read, condition).partition("WHERE ")[2] for condition in ranges] == [
        "CHARTOROWID('AAA3') > ROWID",
        "CHARTOROWID('AAA3') <= ROWID AND CHARTOROWID('AAA5') > ROWID",
        "CHARTOROWID('AAA5') <= ROWID",
    ]
    assert rowid_ranges([], 3) == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"host": "h", "service_name": "s"}, "h:1521/s"),
        ({"host": "h", "port": 1522, "sid": "X"}, "h:1522/X"),
        ({"url": "oracle+oracledb://u:p@h:1523/?service_name=s"}, "h:1523/s"),
        ({"url": "oracle://u:p@h/s"}, "h:1521/s"),
        ({"tns_alias": "shop_high", "config_dir": "/wallet", "wallet_location": "/wallet"}, "shop_high"),
    ],
)
def test_a_connection_says_where_it_goes(fields: dict[str, Any], place: str) -> None:
    made, _ = OracleConnection.of(Secret({"username": "u", "password": "p"} | fields), "shop")
    assert made.place == place


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"host": "h"}, "give exactly one of service_name, sid and tns_alias"),
        ({"host": "h", "sid": "X", "service_name": "s"}, "give exactly one of service_name, sid and tns_alias"),
        ({"service_name": "s"}, "host is missing"),
        ({"host": "h", "sid": "X", "auth": "managed_identity"}, "auth managed_identity is not for Oracle"),
    ],
)
def test_a_connection_that_names_no_database_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OracleConnection.of(Secret(fields), "shop")


def test_a_column_is_read_in_the_type_that_the_workbook_names() -> None:
    read = read_of(oracle.NUMBER(), column_types={"c": "bool"})
    column: ReadColumn = read.column("c")
    assert (column.type, column.wire) == (pa.bool_(), pa.int64())


@pytest.mark.parametrize(
    ("source_type", "cast", "places"),
    [(oracle.NUMBER(), "NUMERIC(38, 9)", -10), (oracle.NUMBER(10, 2), "NUMERIC(38, 2)", -17)],
)
def test_a_sum_is_of_the_numbers_themselves_by_halves(source_type: Any, cast: str, places: int) -> None:
    read = read_of(source_type)
    assert isinstance(read.database, OracleSource)
    total = read.database.compile(sa.select(read.database.total(read.columns[0])))
    assert f"sum(TRUNC(CAST(hr.employees.c AS {cast}), {places}))" in total
