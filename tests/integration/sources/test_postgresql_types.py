"""Every PostgreSQL type on its way into Parquet and back: what comes back is what `COPY … CSV` prints of the source.

The check goes round our reader: DuckDB reads the Parquet file, PostgreSQL parses its text into a table like the first
one, and PostgreSQL prints both.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localhost.services import LocalServices
from shared.errors.hierarchy import SourceError
from shared.secrets import Secret
from tests.builders import a_job
from tests.conftest import unique_name
from tests.integration.sources.conftest import Lake

US = pa.timestamp("us")
UTC = pa.timestamp("us", "UTC")

TYPES: dict[str, tuple[str, pa.DataType, list[str]]] = {
    "smallint": ("smallint", pa.int64(), ["-32768", "0", "32767"]),
    "integer": ("integer", pa.int64(), ["-2147483648", "2147483647"]),
    "bigint": ("bigint", pa.int64(), ["-9223372036854775808", "9223372036854775807"]),
    "numeric_p_s": ("numeric(10, 2)", pa.decimal128(10, 2), ["-99999999.99", "0.00", "99999999.99", "0.01"]),
    "numeric_38": ("numeric(38, 0)", pa.decimal128(38, 0), ["9" * 38, "-" + "9" * 38, "10000000000000000"]),
    "numeric_38_37": ("numeric(38, 37)", pa.decimal128(38, 37), ["9." + "9" * 37, "-0." + "0" * 36 + "1"]),
    "numeric_39": ("numeric(39, 2)", pa.string(), ["9" * 37 + ".99", "NaN"]),
    "numeric_scale_over_precision": ("numeric(3, 5)", pa.decimal128(5, 5), ["0.00999", "-0.00001"]),
    "numeric_negative_scale": ("numeric(5, -2)", pa.decimal128(7, 0), ["-9999900", "100"]),
    "numeric": ("numeric", pa.decimal128(38, 9), ["-1.5", "12345678901234567890123456789.123456789", "0"]),
    "real": ("real", pa.float64(), ["0.1", "-3.4028235e+38", "1e-45", "NaN", "Infinity", "-Infinity", "-0"]),
    "double": ("double precision", pa.float64(), ["0.1", "1.7976931348623157e+308", "5e-324", "NaN", "-Infinity"]),
    "boolean": ("boolean", pa.bool_(), ["t", "f"]),
    "char": ("char(5)", pa.string(), ["ab", "  x", ""]),
    "bpchar": ("bpchar", pa.string(), ["ab ", "  x", ""]),
    "varchar": ("varchar(20)", pa.string(), ["trailing  ", "", "NULL"]),
    "text": ("text", pa.string(), ["", "\x01\x7f", "\U0001f600 表 é é", "q\"u,o'te\\N\r\n\t", "\\0", "x" * 100_000]),
    "name": ("name", pa.string(), ["pg_class"]),
    "one_byte_char": ('"char"', pa.string(), ["x", "Z", ""]),
    "bytea": ("bytea", pa.binary(), ["\\x", "\\x00ff0a0d5c", "\\x" + "ab" * 10_000]),
    "date": ("date", pa.date32(), ["0001-01-01", "9999-12-31", "4713-01-01 BC", "5874897-12-31", "1582-10-10"]),
    "time": ("time", pa.time64("us"), ["00:00:00", "23:59:59.999999"]),
    "time_3": ("time(3)", pa.time64("us"), ["12:00:00.123"]),
    "timetz": ("timetz", pa.string(), ["12:00:00+05:30", "24:00:00-15:59:59"]),
    "timestamp": (
        "timestamp",
        US,
        ["0044-03-15 12:00:00 BC", "9999-12-31 23:59:59.999999", "2024-03-31 02:30:00", "294247-01-10 04:00:54"],
    ),
    "timestamp_0": ("timestamp(0)", US, ["2024-02-29 23:59:59"]),
    "timestamptz": (
        "timestamptz",
        UTC,
        ["2024-11-03 01:30:00-04", "2024-11-03 01:30:00-05", "0001-01-01 00:00:00+14", "4714-11-24 00:00:00+00 BC"],
    ),
    "interval": ("interval", pa.string(), ["1 year 2 mons -3 days 04:05:06.7", "-178000000 years", "0"]),
    "uuid": ("uuid", pa.string(), ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"]),
    "json": ("json", pa.string(), ['{"b": 1,  "a": [1, null], "b": 2}', "null", '"\\u00e9"']),
    "jsonb": ("jsonb", pa.string(), ['{"b": 1, "a": 1.50}', "null", "[]", "12345678901234567890.123"]),
    "int_array": ("integer[]", pa.string(), ["{1,NULL,3}", "{}", "{{1,2},{3,4}}", "[0:1]={5,6}"]),
    "text_array": ("text[]", pa.string(), ['{a,"b,c",NULL,"NULL","q\\"x"}']),
    "enum": ("mood", pa.string(), ["sad", "not sad"]),
    "domain": ("positive", pa.int64(), ["1"]),
    "text_domain": ("code", pa.string(), ["AB"]),
    "numeric_domain": (
        "precise",
        pa.decimal128(30, 20),
        ["0.12345678901234567890", "-9999999999.99999999999999999999"],
    ),
    "domain_of_domain": ("more_precise", pa.decimal128(30, 20), ["0.00000000000000000001"]),
    "timestamp_domain": ("moment", pa.timestamp("us", "UTC"), ["2024-01-31 12:00:00.123+00"]),
    "clock_domain": ("clock", pa.string(), ["10:00:00.123+02"]),
    "array_domain": ("several", pa.string(), ["{1,2}"]),
    "composite": ("pair", pa.string(), ['(1,"a b")', "(,)"]),
    "money": ("money", pa.string(), ["$1,234.56", "-$92,233,720,368,547,758.08"]),
    "inet": ("inet", pa.string(), ["192.168.0.1/24", "::1"]),
    "cidr": ("cidr", pa.string(), ["10.0.0.0/8"]),
    "macaddr": ("macaddr", pa.string(), ["08:00:2b:01:02:03"]),
    "bit": ("bit(5)", pa.string(), ["10101"]),
    "varbit": ("bit varying", pa.string(), ["", "1" * 100]),
    "oid": ("oid", pa.string(), ["4294967295"]),
    "regclass": ("regclass", pa.string(), ["pg_class"]),
    "tsvector": ("tsvector", pa.string(), ["'a':1 'b':2A"]),
    "tsquery": ("tsquery", pa.string(), ["'a' & 'b'"]),
    "point": ("point", pa.string(), ["(1.5,-2)"]),
    "polygon": ("polygon", pa.string(), ["((0,0),(1,1),(2,0))"]),
    "range": ("int4range", pa.string(), ["[1,5)", "empty"]),
    "multirange": ("tstzmultirange", pa.string(), ['{["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")}']),
    "lsn": ("pg_lsn", pa.string(), ["16/B374D848"]),
    "snapshot": ("pg_snapshot", pa.string(), ["10:20:10,14,15"]),
}


class Loaded:
    """The table of all types and what a load of it left in the lake."""

    def __init__(self, source: str, connection: psycopg.Connection[Any], files: list[Path], table: pa.Table) -> None:
        self.source = source
        self.connection = connection
        self.files = files
        self.table = table

    def printed(self, column: str) -> list[str]:
        """What PostgreSQL prints of a column of the source."""
        return self._copy(f"SELECT {self._shown(column)} FROM {self.source} ORDER BY id")

    def printed_again(self, column: str, source_type: str) -> list[str]:
        """What it prints of that column after Parquet, DuckDB and its own parser have had it."""
        place = f"again_{column}"
        self.connection.execute(f'CREATE TABLE {place} (id integer, "{column}" {source_type})')
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {place} FROM STDIN (FORMAT csv)") as copy:
            copy.write(self._csv_of_parquet(column))
        return self._copy(f"SELECT {self._shown(column)} FROM {place} ORDER BY id")

    @staticmethod
    def _shown(column: str) -> str:
        """The column; without the zeros at the end if the source's type has no scale and Parquet's has one."""
        return f'trim_scale("{column}")' if column == "numeric" else f'"{column}"'

    def _copy(self, query: str) -> list[str]:
        with self.connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
            text = b"".join(map(bytes, copy)).decode()
        return ["NULL" if not row else f"'{row[0]}'" for row in csv.reader(io.StringIO(text, newline=""))]

    def _csv_of_parquet(self, column: str) -> str:
        arrow_type = self.table.schema.field(column).type
        expression = f"CAST({column} AS VARCHAR)"
        if pa.types.is_binary(arrow_type):
            expression = f"'\\x' || hex({column})"
        elif pa.types.is_temporal(arrow_type):
            expression = f"replace(replace({expression}, '(BC)', 'BC'), ' BC+', '+')"
        names = [str(file) for file in self.files]
        with duckdb.connect() as duck:
            duck.execute("SET timezone = 'UTC'")
            found = duck.execute(f"SELECT id, {expression} FROM read_parquet(?) ORDER BY id", [names]).fetchall()
        output = io.StringIO(newline="")
        for number, value in found:
            text = "" if value is None else '"' + value.replace('"', '""') + '"'
            output.write(f"{number},{text}\n")
        return output.getvalue()


@pytest.fixture(scope="module")
def loaded(services: LocalServices, sql: psycopg.Connection[Any], database_name: str, tmp_path_factory: Any) -> Loaded:
    sql.execute("CREATE TYPE mood AS ENUM ('sad', 'not sad')")
    sql.execute("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    sql.execute("CREATE DOMAIN code AS varchar(2)")
    sql.execute("CREATE DOMAIN precise AS numeric(30, 20)")
    sql.execute("CREATE DOMAIN more_precise AS precise CHECK (VALUE < 1e9)")
    sql.execute("CREATE DOMAIN moment AS timestamptz(3)")
    sql.execute("CREATE DOMAIN clock AS timetz(3)")
    sql.execute("CREATE DOMAIN several AS int[]")
    sql.execute("CREATE TYPE pair AS (number integer, label text)")
    source = unique_name()
    columns = ", ".join(f'"{name}" {source_type}' for name, (source_type, _, _) in TYPES.items())
    sql.execute(f"CREATE TABLE {source} (id integer PRIMARY KEY, {columns})")
    depth = max(len(values) for _, _, values in TYPES.values()) + 1  # the last row is NULL throughout
    for n in range(depth):
        values = [values[n] if n < len(values) else None for _, _, values in TYPES.values()]
        places = ", ".join(f"%s::text::{source_type}" for source_type, _, _ in TYPES.values())
        sql.execute(f"INSERT INTO {source} VALUES ({n}, {places})", values)
    lake = Lake(tmp_path_factory.mktemp("types"), Secret(services.postgres.secret(database_name)))
    table = lake.load(a_job(table_name=source))
    files = sorted((lake.folder / "lake" / "dataset" / source).glob("*.parquet"))
    return Loaded(source, sql, files, table)


@pytest.mark.parametrize("column", TYPES)
def test_parquet_holds_what_copy_prints(loaded: Loaded, column: str) -> None:
    source_type, arrow_type, values = TYPES[column]
    printed = loaded.printed(column)
    assert sum(row != "NULL" for row in printed) >= len([value for value in values if value != ""])
    assert loaded.printed_again(column, source_type) == printed
    assert loaded.table.schema.field(column).type == arrow_type


def test_the_files_say_the_types(loaded: Loaded) -> None:
    schema = pq.read_schema(loaded.files[0])
    assert {name: schema.field(name).type for name in TYPES} == {name: kind for name, (_, kind, _) in TYPES.items()}


@pytest.mark.parametrize(
    ("source_type", "value", "message"),
    [
        ("date", "infinity", "Column 'value' holds infinity"),
        ("timestamp", "-infinity", "Column 'value' holds infinity"),
        ("timestamptz", "infinity", "Column 'value' holds infinity"),
        ("timestamp", "294276-12-31 23:59:59", "or a time after the year 294246"),
        ("time", "24:00:00", "Column 'value' holds 24:00:00"),
        ("numeric", "NaN", "Column 'value' holds NaN, which does not fit decimal128(38, 9)"),
        ("numeric(10, 2)", "NaN", "Column 'value' holds NaN, which does not fit decimal128(10, 2)"),
        ("numeric", "0.0000000001", "Column 'value' holds 0.0000000001, which does not fit decimal128(38, 9)"),
        ("numeric", "9" * 131072, "Column 'value' holds 999999"),
    ],
)
def test_a_value_that_arrow_lacks_names_its_column_and_the_override(
    lake: Lake, sql: psycopg.Connection[Any], table: str, source_type: str, value: str, message: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (value {source_type})")
    sql.execute(f"INSERT INTO {table} SELECT NULL FROM generate_series(1, 100)")
    sql.execute(f"INSERT INTO {table} VALUES (%s::{source_type})", [value])
    with pytest.raises(SourceError) as caught:
        lake.load(a_job(table_name=table))
    assert message in str(caught.value)
    assert "Name another type for it in column_types, for example value:text" in str(caught.value)
    as_text = lake.load(a_job(table_name=table, column_types={"value": "text"}))
    assert as_text.column("value").to_pylist()[-1] == value


def test_generated_columns_are_read(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(
        f"CREATE TABLE {table} (id int GENERATED ALWAYS AS IDENTITY, price int, "
        "stored int GENERATED ALWAYS AS (price * 2) STORED, virtual int GENERATED ALWAYS AS (price * 3))"
    )
    sql.execute(f"INSERT INTO {table} (price) VALUES (5)")
    assert lake.load(a_job(table_name=table)).to_pylist() == [{"id": 1, "price": 5, "stored": 10, "virtual": 15}]


def test_xml_is_what_the_server_prints(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    """The server here is built without libxml, so that its parser is passed by; printing needs none."""
    sql.execute("CREATE CAST (bytea AS xml) WITHOUT FUNCTION")
    sql.execute(f"CREATE TABLE {table} (id int, doc xml)")
    document = '<a b="1">\U0001f600 &amp; <!-- c --></a>'
    sql.execute(f"INSERT INTO {table} VALUES (1, convert_to(%s, 'UTF8')::xml), (2, NULL)", [document])
    loaded = lake.load(a_job(table_name=table))
    assert loaded.schema.field("doc").type == pa.string()
    assert loaded.column("doc").to_pylist() == [document, None]
