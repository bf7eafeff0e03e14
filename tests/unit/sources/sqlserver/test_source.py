"""The SQL that SQL Server is asked, what its drivers' batches become, and how a connection is written."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mssql as untyped_mssql

from shared.errors.hierarchy import ConfigurationError
from shared.secrets import Secret
from shared.sources.arrow import conform
from shared.sources.columns import arrow_schema
from shared.sources.partitions import key_ranges
from shared.sources.source import ReadOptions
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.odbc import odbc_driver, rows_to_batch
from shared.sources.sqlserver.snapshot import SqlServerSnapshot
from shared.sources.sqlserver.source import SqlServerSource
from shared.sources.table_read import TableRead
from tests.builders import a_job

mssql: Any = untyped_mssql  # its constructors have no types
KIND = "CAST(SQL_VARIANT_PROPERTY({c}, 'BaseType') AS VARCHAR(30))"
TYPES: dict[str, tuple[Any, str, pa.DataType]] = {
    "bit": (mssql.BIT(), "{c}", pa.bool_()),
    "tinyint": (mssql.TINYINT(), "{c}", pa.int64()),
    "int": (sa.INTEGER(), "{c}", pa.int64()),
    "bigint": (sa.BIGINT(), "{c}", pa.int64()),
    "decimal": (sa.DECIMAL(38, 10), "{c}", pa.decimal128(38, 10)),
    "money": (mssql.MONEY(), "CAST({c} AS DECIMAL(19, 4))", pa.decimal128(19, 4)),
    "real": (mssql.REAL(), "{c}", pa.float64()),
    "float": (sa.FLOAT(53), "{c}", pa.float64()),
    "char": (sa.CHAR(5), "{c}", pa.string()),
    "nvarchar": (sa.NVARCHAR(100), "{c}", pa.string()),
    "text": (sa.TEXT(), "CAST({c} AS NVARCHAR(max))", pa.string()),
    "ntext": (mssql.NTEXT(), "CAST({c} AS NVARCHAR(max))", pa.string()),
    "xml": (mssql.XML(), "CAST({c} AS NVARCHAR(max))", pa.string()),
    "uniqueidentifier": (mssql.UNIQUEIDENTIFIER(), "CAST({c} AS CHAR(36))", pa.string()),
    "sql_variant": (
        mssql.SQL_VARIANT(),
        f"CASE WHEN ({KIND} IN ('float', 'real')) THEN CONVERT(NVARCHAR(4000), CAST({{c}} AS FLOAT(53)), 3) "
        f"WHEN ({KIND} IN ('money', 'smallmoney')) THEN CONVERT(NVARCHAR(4000), CAST({{c}} AS MONEY), 2) "
        f"WHEN ({KIND} IN ('datetime', 'smalldatetime')) THEN CONVERT(NVARCHAR(4000), CAST({{c}} AS DATETIME), 126) "
        f"WHEN ({KIND} IN ('binary', 'varbinary')) THEN CONVERT(NVARCHAR(4000), CAST({{c}} AS VARBINARY(8000)), 1) "
        "ELSE CAST({c} AS NVARCHAR(4000)) END",
        pa.string(),
    ),
    "hierarchyid, geometry": (sa.types.NullType(), "CAST({c} AS NVARCHAR(max))", pa.string()),
    "varbinary": (mssql.VARBINARY(None), "{c}", pa.binary()),
    "image": (mssql.IMAGE(), "{c}", pa.binary()),
    "rowversion": (mssql.TIMESTAMP(), "CAST({c} AS BIGINT)", pa.int64()),
    "date": (sa.DATE(), "{c}", pa.date32()),
    "time": (mssql.TIME(7), "{c}", pa.time64("us")),
    "datetime": (mssql.DATETIME(), "CAST({c} AS DATETIME2(3))", pa.timestamp("us")),
    "smalldatetime": (mssql.SMALLDATETIME(), "{c}", pa.timestamp("us")),
    "datetime2": (mssql.DATETIME2(7), "{c}", pa.timestamp("us")),
    "datetimeoffset": (
        mssql.DATETIMEOFFSET(7),
        "CAST(SWITCHOFFSET({c}, '+00:00') AS DATETIME2(7))",
        pa.timestamp("us", "UTC"),
    ),
}


def source(**settings: Any) -> SqlServerSource:
    secret = Secret({"host": "h", "database": "d", "username": "u", "password": "p"})
    made = SqlServerSource(a_job(**({"source_type": "MSSQL", "schema_name": "dbo"} | settings)), secret, ReadOptions())
    made._engine = sa.create_engine("mssql+mssqlpython://", creator=lambda: None)
    return made


def read_of(source_type: Any, *, name: str = "c", **settings: Any) -> TableRead:
    made = source(**settings)
    table = sa.Table("orders", sa.MetaData(schema="dbo"), sa.Column(name, source_type))
    columns = made._read_columns(table)
    return TableRead(made.job, made, made.options, table, columns, arrow_schema(columns, ()))


def sql(read: TableRead, *conditions: sa.ColumnElement[bool], query: sa.Select[Any] | None = None) -> str:
    made = read.database
    assert isinstance(made, SqlServerSource)
    chosen = read.query(None, None) if query is None else query
    return " ".join(made.compile(chosen.where(*conditions)).split())


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_asked_for_in_a_form_that_arrow_has(name: str) -> None:
    source_type, expression, arrow_type = TYPES[name]
    read = read_of(source_type)
    assert read.schema.field("c").type == arrow_type
    assert sql(read) == f"SELECT {expression.format(c='dbo.orders.c')} AS c FROM dbo.orders"


@pytest.mark.parametrize(
    ("source_type", "declared", "expression"),
    [
        (sa.FLOAT(53), "text", "CONVERT(NVARCHAR(40), {c}, 3)"),
        (mssql.REAL(), "text", "CONVERT(NVARCHAR(40), {c}, 3)"),
        (mssql.MONEY(), "text", "CONVERT(NVARCHAR(40), {c}, 2)"),
        (mssql.DATETIME2(7), "text", "CONVERT(NVARCHAR(40), {c}, 126)"),
        (mssql.DATETIMEOFFSET(7), "text", "CONVERT(NVARCHAR(40), {c}, 126)"),
        (mssql.VARBINARY(None), "text", "CONVERT(NVARCHAR(max), CAST({c} AS VARBINARY(max)), 1)"),
        (mssql.TIMESTAMP(), "text", "CONVERT(NVARCHAR(max), CAST({c} AS VARBINARY(max)), 1)"),
        (sa.DECIMAL(10, 2), "text", "CAST({c} AS NVARCHAR(max))"),
        (sa.NVARCHAR(9), "json", "CAST({c} AS NVARCHAR(max))"),
        (sa.NVARCHAR(9), "bigint", "CAST({c} AS BIGINT)"),
        (sa.NVARCHAR(9), "double", "CAST({c} AS DOUBLE PRECISION)"),
        (sa.INTEGER(), "bool", "CAST({c} AS BIT)"),
        (sa.NVARCHAR(9), "date", "CAST({c} AS DATE)"),
        (sa.NVARCHAR(9), "time", "CAST({c} AS TIME)"),
        (sa.NVARCHAR(30), "timestamp", "CAST({c} AS DATETIME2(6))"),
        (mssql.DATETIME2(7), "timestamp", "{c}"),
        (mssql.DATETIMEOFFSET(7), "timestamp", "CAST(SWITCHOFFSET({c}, '+00:00') AS DATETIME2(7))"),
        (sa.NVARCHAR(9), "binary", "CAST({c} AS VARBINARY(max))"),
    ],
)
def test_an_override_is_cast_without_losing_more_than_it_says(source_type: Any, declared: str, expression: str) -> None:
    read = read_of(source_type, column_types={"c": declared})
    assert sql(read) == f"SELECT {expression.format(c='dbo.orders.c')} AS c FROM dbo.orders"


UTC_TIME = datetime(2024, 1, 31, 8, 0, 0, 123456, tzinfo=UTC)
NAIVE = datetime(2024, 1, 31, 8, 0, 0, 123456)
CURSORS = [
    (sa.BIGINT(), 5, "dbo.orders.c >= 5", "dbo.orders.c > 5"),
    (sa.DECIMAL(10, 2), Decimal("1.50"), "dbo.orders.c >= 1.50", "dbo.orders.c > 1.50"),
    (sa.DATE(), date(2024, 1, 31), "dbo.orders.c >= CAST('2024-01-31' AS DATE)", None),
    (
        mssql.DATETIME(),
        NAIVE,
        "dbo.orders.c >= CAST('2024-01-31T08:00:00.123' AS DATETIME)",
        "dbo.orders.c > CAST('2024-01-31T08:00:00.123' AS DATETIME)",
    ),
    (
        mssql.DATETIME2(7),
        NAIVE,
        "dbo.orders.c >= CAST('2024-01-31T08:00:00.123456' AS DATETIME2(6))",
        "dbo.orders.c >= CAST('2024-01-31T08:00:00.123457' AS DATETIME2(6))",
    ),
    (
        mssql.DATETIMEOFFSET(7),
        UTC_TIME,
        "dbo.orders.c >= CAST('2024-01-31T08:00:00.123456+00:00' AS DATETIMEOFFSET(6))",
        "dbo.orders.c >= CAST('2024-01-31T08:00:00.123457+00:00' AS DATETIMEOFFSET(6))",
    ),
    (sa.NVARCHAR(10), "a'ä", "dbo.orders.c >= N'a''ä'", None),
    (sa.VARCHAR(10), "a", "dbo.orders.c >= 'a'", None),
    (
        mssql.UNIQUEIDENTIFIER(),
        "58185E0D-3A91-44D8-BC46-7107217E0A6D",
        "dbo.orders.c >= '58185E0D-3A91-44D8-BC46-7107217E0A6D'",
        None,
    ),
    (mssql.TIMESTAMP(), 2001, "dbo.orders.c >= 0x00000000000007D1", None),
]


@pytest.mark.parametrize(("source_type", "value", "since", "beyond"), CURSORS)
def test_a_watermark_is_compared_in_its_columns_type(
    source_type: Any, value: Any, since: str, beyond: str | None
) -> None:
    read = read_of(source_type)
    column = read.column("c")
    assert sql(read, read.database.since(column, value)).endswith(f"WHERE {since}")
    if beyond:
        assert sql(read, read.database.beyond(column, value)).endswith(f"WHERE {beyond}")


def test_names_filters_ranges_and_casts_are_in_one_statement() -> None:
    name = "Select % ]:x"
    settings = {"query_filter": "[Select % ]]:x] like '100%'", "column_types": {name: "decimal(18,4)"}}
    read = read_of(sa.FLOAT(53), name=name, **settings)
    first, second = key_ranges(read.table.c[name], [sa.literal(1.5)])
    assert sql(read, first) == (
        "SELECT CAST(dbo.orders.[Select % ]]:x] AS NUMERIC(18, 4)) AS [Select % ]]:x] FROM dbo.orders "
        "WHERE ([Select % ]]:x] like '100%') AND (dbo.orders.[Select % ]]:x] < 1.5 "
        "OR dbo.orders.[Select % ]]:x] IS NULL)"
    )
    assert sql(read, second).endswith("AND dbo.orders.[Select % ]]:x] >= 1.5")


@pytest.mark.parametrize(
    ("source_type", "value", "bound"),
    [
        (sa.BIGINT(), -5, "-5"),
        (mssql.MONEY(), Decimal("1E+3"), "1000"),
        (sa.FLOAT(53), 0.30000000000000004, "0.30000000000000004E0"),
        (sa.FLOAT(53), 5e-324, "5e-324"),
        (mssql.BIT(), True, "1"),
        (sa.VARCHAR(9), "a'b%", "'a''b%'"),
        (sa.VARCHAR(9), "a'ä%", "CAST(N'a''ä%' AS VARCHAR(8000))"),
        (sa.VARCHAR(9, collation="Thai_CI_AS"), "ก", "CAST(N'ก' COLLATE Thai_CI_AS AS VARCHAR(8000))"),
        (sa.NVARCHAR(9), "ä", "N'ä'"),
        (mssql.UNIQUEIDENTIFIER(), uuid.UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
        (mssql.TIMESTAMP(), b"\0\xff", "0x00ff"),
        (sa.DATE(), date(2024, 1, 31), "CAST('2024-01-31' AS DATE)"),
        (mssql.DATETIME(), NAIVE, "CAST('2024-01-31T08:00:00.123' AS DATETIME)"),
        (mssql.DATETIME2(7), NAIVE, "CAST('2024-01-31T08:00:00.123456' AS DATETIME2(6))"),
        (
            mssql.DATETIMEOFFSET(7),
            UTC_TIME,
            "CAST('2024-01-31T08:00:00.123456+00:00' AS DATETIMEOFFSET(6))",
        ),
    ],
)
def test_a_range_of_keys_begins_with_a_literal_that_sql_server_reads(source_type: Any, value: Any, bound: str) -> None:
    read = read_of(source_type)
    key = read.table.c.c
    _, last = key_ranges(key, [SqlServerSnapshot([None], None).literal(key, value)])  # type: ignore[list-item, arg-type]
    assert sql(read, last).endswith(f"WHERE dbo.orders.c >= {bound}")


def test_hints_follow_the_table() -> None:
    read = read_of(sa.BIGINT())
    held = sa.select(sa.literal(1)).select_from(read.table).limit(1)
    held = held.with_hint(read.table, "WITH (TABLOCK, HOLDLOCK)", "mssql")
    assert "FROM dbo.orders WITH (TABLOCK, HOLDLOCK)" in sql(read, query=held)


def test_batches_of_mssql_python_become_the_types_of_the_lake() -> None:
    """Types as `Cursor.arrow_reader` of mssql-python gives them."""
    batch = pa.record_batch(
        {
            "tiny": pa.array([255, None], pa.uint8()),
            "text": pa.array(["ä\0😀", None], pa.large_string()),
            "raw": pa.array([b"\0\xff", None], pa.large_binary()),
            "time": pa.array([86_399_999_999_900, None], pa.time64("ns")),
            "stamp": pa.array([datetime(9999, 12, 31, 23, 59, 59, 999999), None], pa.timestamp("us")),
            "offset": pa.array([NAIVE, None], pa.timestamp("us")),
            "real": pa.array([1.5, None], pa.float32()),
        }
    )
    types: list[pa.DataType] = [
        pa.int64(),
        pa.string(),
        pa.binary(),
        pa.time64("us"),
        pa.timestamp("us"),
        pa.timestamp("us", "UTC"),
    ]
    schema = pa.schema(dict(zip(batch.schema.names, [*types, pa.float64()], strict=True)))
    assert conform(batch, schema).to_pylist()[0] == {
        "tiny": 255,
        "text": "ä\0😀",
        "raw": b"\0\xff",
        "time": time(23, 59, 59, 999999),
        "stamp": datetime(9999, 12, 31, 23, 59, 59, 999999),
        "offset": UTC_TIME,
        "real": 1.5,
    }


def test_rows_of_pyodbc_become_the_types_of_the_lake() -> None:
    made = source()
    columns = [
        sa.Column("id", sa.INTEGER()),
        sa.Column("amount", sa.DECIMAL(10, 2)),
        sa.Column("guid", mssql.UNIQUEIDENTIFIER()),
        sa.Column("offset", mssql.DATETIMEOFFSET(7)),
        sa.Column("raw", mssql.VARBINARY(None)),
    ]
    read = made._read_columns(sa.Table("t", sa.MetaData(), *columns))
    rows = [(1, Decimal("1.50"), str(uuid.UUID(int=1)).upper(), NAIVE, b"\0"), (2, None, None, None, None)]
    table = conform(rows_to_batch(rows, read), arrow_schema(read, ()))
    assert table.to_pylist()[0] == {
        "id": 1,
        "amount": Decimal("1.50"),
        "guid": "00000000-0000-0000-0000-000000000001",
        "offset": UTC_TIME,
        "raw": b"\0",
    }


def connection(**fields: Any) -> SqlServerConnection:
    return SqlServerConnection.of(Secret({"host": "h", "database": "d"} | fields), "shop")[0]


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        (
            {"username": "u", "password": "p;}x"},
            ["Server={h,1433}", "Encrypt={yes}", "TrustServerCertificate={no}", "UID={u}", "PWD={p;}}x}"],
        ),
        ({"trusted_connection": "yes"}, ["Trusted_Connection={yes}"]),
        ({"host": "h\\express", "username": "u"}, ["Server={h\\express}"]),
        ({"port": 1444, "TrustServerCertificate": "yes", "Encrypt": "strict"}, ["{h,1444}", "={yes}", "={strict}"]),
    ],
)
def test_a_connection_is_written_as_odbc_has_it(fields: dict[str, Any], parts: list[str]) -> None:
    text = connection(**fields).odbc_string()
    assert [part for part in parts if part not in text] == []
    assert ("UID" in text) == (not fields.get("trusted_connection"))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_password_comes_back_from_the_connection_string_which_ends_with_a_semicolon(password: str) -> None:
    text = connection(username="u", password=password).odbc_string()
    parts = re.findall(r"(\w+)=\{((?:[^}]|\}\})*)\};", text)
    assert "".join(f"{name}={{{value}}};" for name, value in parts) == text
    assert dict(parts)["PWD"].replace("}}", "}") == password


def test_rows_are_counted_beyond_an_int() -> None:
    source = SqlServerSource(a_job(source_type="MSSQL"), Secret({"host": "h", "database": "d"}), ReadOptions())
    assert source.compile(sa.select(source.count()).select_from(sa.table("t"))).split() == [
        *("SELECT", "count_big(*)", "AS", "count_big_1", "FROM", "t")
    ]


def test_a_named_driver_is_the_registered_one_a_path_or_the_built_in_one(tmp_path: Path) -> None:
    named = "ODBC Driver 18 for SQL Server"
    library = tmp_path / "libmsodbcsql.so"
    library.touch()
    assert odbc_driver(named, ["FreeTDS", named]) == named
    assert odbc_driver(str(library), []) == str(library)
    assert Path(odbc_driver(named, ["FreeTDS"])).name.startswith("libmsodbcsql-18")


def test_a_driver_that_is_nowhere_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"'Mine' is not registered with unixODBC \(FreeTDS\): install"):
        odbc_driver("Mine", ["FreeTDS"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, "no"), ({"TrustServerCertificate": "yes"}, "yes"), ({"trust_server_certificate": "no"}, "no")],
)
def test_a_certificate_is_trusted_unseen_only_where_the_secret_says_so(fields: dict[str, str], expected: str) -> None:
    text = connection(username="u", **fields).odbc_string()
    assert f"TrustServerCertificate={{{expected}}}" in text
    assert "Encrypt={yes}" in text
    assert "KeepAlive={30}" in text


def test_a_url_gives_the_same_fields() -> None:
    secret = Secret({"url": "mssql+pyodbc://u:p%40ss@h:1444/d?driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no"})
    made, fields = SqlServerConnection.of(secret, "shop")
    assert (made.host, made.port, made.database, made.encrypt) == ("h", 1444, "d", "no")
    assert made.driver == "ODBC Driver 18 for SQL Server"
    assert fields.redact("p@ss") == "******"


def test_a_field_that_is_not_known_is_refused_without_its_value() -> None:
    with pytest.raises(ConfigurationError, match="pasword: Extra inputs are not permitted") as caught:
        connection(pasword="canary-5")
    assert "canary-5" not in str(caught.value)


@pytest.mark.parametrize(
    ("source_type", "cast"), [(sa.INTEGER(), "NUMERIC(38, 0)"), (sa.DECIMAL(10, 2), "NUMERIC(38, 2)")]
)
def test_a_sum_has_room_for_more_digits_than_its_column(source_type: Any, cast: str) -> None:
    read = read_of(source_type)
    source: Any = read.database
    total = sql(read, query=sa.select(source.total(read.columns[0])))
    assert f"sum(CAST(dbo.orders.c AS {cast}))" in total
