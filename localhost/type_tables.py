"""The generated tables of docs/types.md: which columns can be a watermark, and what fits a column's old type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, oracle, postgresql

from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.sources.exact_casts import castable
from shared.sources.oracle.source import OracleSource
from shared.sources.oracle.types import XmlType, YearsToMonths
from shared.sources.postgresql.source import PostgresSource
from shared.sources.postgresql.types import Xid8
from shared.sources.source import ReadOptions
from shared.sources.sql import SqlSource
from shared.sources.sqlserver.source import SqlServerSource

Types = Mapping[str, sa.types.TypeEngine[Any]]

_made: Any = lambda kind, *arguments, **options: kind(*arguments, **options)  # noqa: E731  their stubs are incomplete

POSTGRESQL: Types = {
    "smallint": sa.SMALLINT(),
    "integer": sa.INTEGER(),
    "bigint": sa.BIGINT(),
    "numeric(p, s), at most 38 digits": sa.NUMERIC(10, 2),
    "numeric": sa.NUMERIC(),
    "numeric(p, s), more than 38 digits": sa.NUMERIC(40, 0),
    "real": sa.REAL(),
    "double precision": sa.DOUBLE_PRECISION(),
    "money": postgresql.MONEY(),
    "boolean": sa.BOOLEAN(),
    "text": sa.TEXT(),
    "varchar": sa.VARCHAR(),
    "char": sa.CHAR(5),
    "citext": postgresql.CITEXT(),
    "uuid": sa.UUID(),
    "date": sa.DATE(),
    "timestamp": postgresql.TIMESTAMP(),
    "timestamptz": postgresql.TIMESTAMP(timezone=True),
    "time": postgresql.TIME(),
    "timetz": postgresql.TIME(timezone=True),
    "interval": postgresql.INTERVAL(),
    "bytea": postgresql.BYTEA(),
    "bit": postgresql.BIT(),
    "enum": postgresql.ENUM("a", name="e"),
    "arrays": postgresql.ARRAY(sa.INTEGER()),
    "json": postgresql.JSON(),
    "jsonb": postgresql.JSONB(),
    "ranges": postgresql.INT4RANGE(),
    "inet": postgresql.INET(),
    "cidr": postgresql.CIDR(),
    "macaddr": postgresql.MACADDR(),
    "tsvector": postgresql.TSVECTOR(),
    "oid": postgresql.OID(),
    "xid8": Xid8(),
    "every other type": sa.types.NullType(),
}
SQL_SERVER: Types = {
    "bit": mssql.BIT(),
    "tinyint": mssql.TINYINT(),
    "smallint": sa.SMALLINT(),
    "int": sa.INTEGER(),
    "bigint": sa.BIGINT(),
    "decimal, numeric": sa.DECIMAL(10, 2),
    "money": mssql.MONEY(),
    "smallmoney": mssql.SMALLMONEY(),
    "real": _made(mssql.REAL),
    "float": sa.FLOAT(),
    "double precision": _made(mssql.DOUBLE_PRECISION),
    "char": sa.CHAR(5),
    "varchar": sa.VARCHAR(),
    "nchar": sa.NCHAR(5),
    "nvarchar": sa.NVARCHAR(),
    "text": sa.TEXT(),
    "ntext": mssql.NTEXT(),
    "uniqueidentifier": mssql.UNIQUEIDENTIFIER(),
    "rowversion": _made(mssql.TIMESTAMP),
    "date": sa.DATE(),
    "time": _made(mssql.TIME),
    "datetime": mssql.DATETIME(),
    "smalldatetime": mssql.SMALLDATETIME(),
    "datetime2": _made(mssql.DATETIME2),
    "datetimeoffset": _made(mssql.DATETIMEOFFSET),
    "binary": sa.BINARY(),
    "varbinary": _made(mssql.VARBINARY),
    "image": mssql.IMAGE(),
    "xml": mssql.XML(),
    "sql_variant": mssql.SQL_VARIANT(),
    "every other type": sa.types.NullType(),
}
ORACLE: Types = {
    "NUMBER(p, s), at most 38 digits": _made(oracle.NUMBER, 10, 2),
    "NUMBER(p, s), more than 38 digits": _made(oracle.NUMBER, 38, -10),
    "NUMBER": _made(oracle.NUMBER),
    "INTEGER": sa.INTEGER(),
    "FLOAT": _made(oracle.FLOAT),
    "BINARY_FLOAT": oracle.BINARY_FLOAT(),
    "BINARY_DOUBLE": oracle.BINARY_DOUBLE(),
    "CHAR": sa.CHAR(5),
    "VARCHAR2": sa.VARCHAR(5),
    "NCHAR": sa.NCHAR(5),
    "NVARCHAR2": sa.NVARCHAR(5),
    "LONG": oracle.LONG(),
    "CLOB": sa.CLOB(),
    "NCLOB": oracle.NCLOB(),
    "RAW": oracle.RAW(5),
    "BLOB": sa.BLOB(),
    "DATE": oracle.DATE(),
    "TIMESTAMP": _made(oracle.TIMESTAMP),
    "TIMESTAMP WITH TIME ZONE": _made(oracle.TIMESTAMP, timezone=True),
    "TIMESTAMP WITH LOCAL TIME ZONE": _made(oracle.TIMESTAMP, local_timezone=True),
    "BOOLEAN": sa.BOOLEAN(),
    "INTERVAL DAY TO SECOND": _made(oracle.INTERVAL),
    "INTERVAL YEAR TO MONTH": YearsToMonths(),
    "ROWID": oracle.ROWID(),
    "XMLTYPE": XmlType(),
    "every other type": sa.types.NullType(),
}

_DATABASES: Sequence[tuple[str, str, type[SqlSource], Types]] = (
    ("PostgreSQL", "PostgreSQL", PostgresSource, POSTGRESQL),
    ("SQL Server", "MSSQL", SqlServerSource, SQL_SERVER),
    ("Oracle", "Oracle", OracleSource, ORACLE),
)
_WORDS = {
    "values": "yes, by its value",
    "source": "yes, in the order of the source",
    None: "refused",
}
_LAKE: Mapping[str, pa.DataType] = {
    "int64": pa.int64(),
    "decimal": pa.decimal128(10, 2),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp, UTC": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "binary": pa.binary(),
}


def watermark_order(source_class: type[SqlSource], source_type: str, kind: sa.types.TypeEngine[Any]) -> str:
    """Whether a column of a type can be a watermark, in words."""
    job = Job(
        job_id="docs",
        source_type=source_type,
        source_name="docs",
        schema_name="s",
        table_name="t",
        load_type=LoadType.FULL,
        enabled=True,
        target_container="lake",
        target_folder_path="raw",
    )
    secret = Secret({"host": "h", "database": "d", "username": "u", "password": "p"})
    source = source_class(job, secret, ReadOptions())
    column: sa.Column[Any] = sa.Column("c", kind)
    sa.Table("t", sa.MetaData(), column)
    return _WORDS[source.read_column(column, None).order]


def watermark_orders() -> str:
    """Every type of the databases, and whether it can be a watermark_column."""
    rows = ["| Database | Type | `watermark_column` |", "| --- | --- | --- |"]
    for name, source_type, source_class, types in _DATABASES:
        rows += [f"| {name} | {kind} | {watermark_order(source_class, source_type, types[kind])} |" for kind in types]
    return "\n".join(rows)


def type_changes() -> str:
    """What becomes of the values of a column whose type at the source has changed, by the type that the lake has."""
    header = ["Source gives now", *(f"lake has {name}" for name in _LAKE)]
    rows = [header, ["---"] * len(header)]
    for name, now in _LAKE.items():
        rows.append([name, *(_fate(now, lake) for lake in _LAKE.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _fate(now: pa.DataType, lake: pa.DataType) -> str:
    if now.id == lake.id and not pa.types.is_decimal(now) and now == lake:
        return "as it is"
    if pa.types.is_string(lake):
        return "as the database prints it"
    return "if unchanged" if castable(now, lake) else "error"
