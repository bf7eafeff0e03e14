"""The tables of SQL Server and of Oracle, made by the stand-ins themselves from a table of numbers.

They have the shapes of PostgreSQL's, and fewer rows: the stand-ins are written in Python. SQL Server's has no
`datetimeoffset`, which pyodbc, and so plain dlt, cannot read.
"""

from __future__ import annotations

from collections.abc import Iterable

Column = tuple[str, str, str]
"""Name, type, and the expression of its value for the number `n`."""

_SQLSERVER_NARROW: tuple[Column, ...] = (
    ("id", "bigint NOT NULL", "n"),
    ("customer_id", "int", "CAST(n AS bigint) * 7919 % 200000"),
    (
        "status",
        "nvarchar(10)",
        "CASE n % 4 WHEN 0 THEN N'NEW' WHEN 1 THEN N'PAID' WHEN 2 THEN N'SHIPPED' ELSE N'RETURNED' END",
    ),
    ("amount", "decimal(12, 2)", "n % 1000000 / 100.0"),
    ("weight", "float", "n / 7.0"),
    ("created_at", "datetime2", "DATEADD(second, n * 13, '2020-01-01')"),
    ("updated_at", "datetime2", "DATEADD(second, n * 17, '2020-01-01')"),
    ("due", "date", "DATEADD(day, n % 2000, '2020-01-01')"),
    ("paid", "bit", "CASE WHEN n % 3 = 0 THEN 1 ELSE 0 END"),
    ("code", "varchar(8)", "RIGHT(CONVERT(varchar(20), CAST(n AS bigint) * 7919), 8)"),
    (
        "note",
        "nvarchar(200)",
        "CASE WHEN n % 5 > 0 THEN N'note ' + CONVERT(nvarchar(12), n / 3) + N' on order ' + CONVERT(nvarchar(12), n) "
        "END",
    ),
    ("priority", "smallint", "n % 97"),
)
_ORACLE_NARROW: tuple[Column, ...] = (
    ("id", "NUMBER(19) NOT NULL", "n"),
    ("customer_id", "NUMBER(9)", "MOD(n * 7919, 200000)"),
    (
        "status",
        "VARCHAR2(10)",
        "CASE MOD(n, 4) WHEN 0 THEN 'NEW' WHEN 1 THEN 'PAID' WHEN 2 THEN 'SHIPPED' ELSE 'RETURNED' END",
    ),
    ("amount", "NUMBER(12, 2)", "MOD(n, 1000000) / 100"),
    ("weight", "BINARY_DOUBLE", "n / 7"),
    ("created_at", "TIMESTAMP", "TIMESTAMP '2020-01-01 00:00:00' + NUMTODSINTERVAL(n * 13, 'SECOND')"),
    ("updated_at", "TIMESTAMP", "TIMESTAMP '2020-01-01 00:00:00' + NUMTODSINTERVAL(n * 17, 'SECOND')"),
    ("due", "DATE", "DATE '2020-01-01' + MOD(n, 2000)"),
    ("paid", "NUMBER(1)", "CASE WHEN MOD(n, 3) = 0 THEN 1 ELSE 0 END"),
    ("code", "VARCHAR2(8)", "SUBSTR(TO_CHAR(n * 7919), 1, 8)"),
    ("note", "VARCHAR2(200)", "CASE WHEN MOD(n, 5) > 0 THEN 'note ' || TO_CHAR(n) || ' on order ' || TO_CHAR(n) END"),
    ("priority", "NUMBER(4)", "MOD(n, 97)"),
)
_ID = {"SQL Server": ("id", "bigint NOT NULL", "n"), "Oracle": ("id", "NUMBER(19) NOT NULL", "n")}
_WIDE = {
    "SQL Server": (
        ("bigint", "CAST(n AS bigint) * {i}"),
        ("int", "n % {i}"),
        ("varchar(32)", "CONVERT(varchar(12), n) + ' of column {i}'"),
        ("float", "n / {i}.0"),
        ("bit", "CASE WHEN n % {i} = 0 THEN 1 ELSE 0 END"),
    ),
    "Oracle": (
        ("NUMBER(19)", "n * {i}"),
        ("NUMBER(9)", "MOD(n, {i})"),
        ("VARCHAR2(32)", "TO_CHAR(n) || ' of column {i}'"),
        ("BINARY_DOUBLE", "n / {i}"),
        ("NUMBER(1)", "CASE WHEN MOD(n, {i}) = 0 THEN 1 ELSE 0 END"),
    ),
}
_TEXT = {
    "SQL Server": ("nvarchar(2000)", "REPLICATE(CONVERT(nvarchar(12), n + {i}) + N' row ', 100)"),
    "Oracle": ("VARCHAR2(2000)", "RPAD(TO_CHAR(n + {i}), 1000, ' row ')"),
}
_LOB = {
    "SQL Server": ("nvarchar(max)", "REPLICATE(CAST(N'0123456789abcdef' AS nvarchar(max)), 65536)"),
    "Oracle": ("CLOB", "RPAD(TO_CLOB('x'), 1000000, '0123456789abcdef')"),
}


def columns(database: str, shape: str) -> Iterable[Column]:
    """The columns of a table of one of the shapes narrow, wide, text and lob."""
    if shape == "narrow":
        return _SQLSERVER_NARROW if database == "SQL Server" else _ORACLE_NARROW
    if shape == "wide":
        kinds = _WIDE[database]
        chosen = ((i, *kinds[i % len(kinds)]) for i in range(149))
        return [_ID[database], *((f"c{i}", kind, value.format(i=i + 2)) for i, kind, value in chosen)]
    kind, value = _TEXT[database] if shape == "text" else _LOB[database]
    return [_ID[database], *((f"text_{i}", kind, value.format(i=i)) for i in range(4 if shape == "text" else 1))]


def statements(database: str, shape: str, table: str, rows: int) -> list[str]:
    """What makes such a table of so many rows, beside a table `numbers` that counts up from 1."""
    found = list(columns(database, shape))
    values = ", ".join(value for _, _, value in found)
    return [
        f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind, _ in found)})",
        f"INSERT INTO {table} SELECT {values} FROM numbers WHERE n <= {rows}",
    ]
