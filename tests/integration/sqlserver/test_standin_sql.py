"""The stand-in against its own small client: logins, types and T-SQL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.sqlserver.standin_case import Case
from tests.tds_standin import kinds as k
from tests.tds_standin.client import ServerError
from tests.tds_standin.kinds import Kind


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.close()


TYPES = {  # a literal of each type, and what the client makes of it
    "bit": ("1", 1), "tinyint": ("255", 255), "smallint": ("-32768", -32768), "int": ("-2147483648", -2147483648),
    "bigint": ("9223372036854775807", 9223372036854775807), "real": ("1.5", 1.5), "float": ("0.1", 0.1),
    "decimal(38,10)": ("1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"),
    "numeric(38,0)": ("-99999999999999999999999999999999999999", "-" + "9" * 38), "money": ("-922337203685477.5808",
    "-922337203685477.5808"),
    "smallmoney": ("214748.3647", "214748.3647"), "char(3)": ("'ab'", "ab "), "varchar(9)": ("'é€'", "é€"),
    "varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8": ("N'日本€'", "日本€"), "varchar(max)": ("'x'", "x"),
    "nchar(3)": ("N'日'", "日  "),
    "nvarchar(9)": ("N'😀'", "😀"), "nvarchar(max)": ("N''", ""), "binary(3)": ("0x01", b"\1\0\0"),
    "varbinary(9)": ("0x0102", b"\1\2"),
    "varbinary(max)": ("0x", b""), "date": ("'0001-01-01'", "0001-01-01"), "time(7)": ("'23:59:59.9999999'",
    "23:59:59.9999999"),
    "time(0)": ("'01:02:03'", "01:02:03"), "datetime": ("'2024-02-29T23:59:59.997'", "2024-02-29T23:59:59.997"),
    "smalldatetime": ("'2024-02-29 12:34:31'", "2024-02-29T12:35:00"),
    "datetime2(7)": ("'9999-12-31 23:59:59.9999999'", "9999-12-31T23:59:59.9999999"),
    "datetime2(0)": ("'2024-01-01'", "2024-01-01T00:00:00"),
    "datetimeoffset(7)": ("'2024-02-29T01:02:03.1234567-05:30'", "2024-02-29T01:02:03.1234567-05:30"),
    "uniqueidentifier": ("'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    "xml": ("N'<a>ü</a>'", "<a>ü</a>"),
    "sql_variant": ("CAST(-1.50 AS decimal(5,2))", "-1.50"),
}  # fmt: skip


def test_ways_in(case: Case) -> None:
    ways: list[dict[str, Any]] = [{"encrypt": True}, {"strict": True}, {}]
    for options in ways:
        encrypted = "TRUE" if options else "FALSE"
        query = "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID"
        assert case.connect(**options).value(query) == encrypted


def test_refusals(case: Case) -> None:
    refused: list[tuple[int, dict[str, Any]]] = [(18456, {"password": "no"}), (4060, {"database": "nope"})]
    for number, options in refused:
        with pytest.raises(ServerError) as caught:
            case.connect(**options)
        assert caught.value.number == number


def test_an_access_token(case: Case) -> None:
    case.engine.accept_token = lambda token: "app" if token == "good" else None
    assert case.connect(token="good").value("SELECT SUSER_SNAME()") == "app"
    with pytest.raises(ServerError) as caught:
        case.connect(token="bad")
    assert caught.value.number == 18456


def test_features_and_environment(case: Case) -> None:
    assert case.client.greeting.features == {10: b"\x01"}
    assert case.client.greeting.changes == [1, 7, 2, 4]
    made = case.client.run("USE master")
    assert made.changes == [1]
    assert case.client.value("SELECT DB_NAME()") == "master"
    assert 18 in case.client.run("SELECT 1", reset=True).changes
    assert case.client.value("SELECT DB_NAME()") == "standin"


def test_all_types_there_and_back(case: Case) -> None:
    columns = ", ".join(f"c{n} {name}" for n, name in enumerate(TYPES))
    literals = ", ".join(literal for literal, _ in TYPES.values())
    case.client.run(f"CREATE TABLE t (id int NOT NULL PRIMARY KEY, {columns}); INSERT INTO t VALUES (1, {literals})")
    case.client.run("INSERT INTO t (id) VALUES (2)")
    first, second = case.client.rows("SELECT * FROM t ORDER BY id")
    assert dict(zip(TYPES, first[1:], strict=True)) == {name: value for name, (_, value) in TYPES.items()}
    assert set(second[1:]) == {None}


def test_parameters(case: Case) -> None:
    text = Kind("nvarchar", 4000)
    made = case.client.call(
        "sp_executesql", ("", text, "SET @o = @a + 1; SELECT @a, @b, @c", False),
        ("", text, "@o int OUTPUT, @a int, @b nvarchar(10), @c decimal(10,2)", False), ("@o", k.INT, None, True),
        ("@a", k.INT, 41, False),
        ("@b", text, "häé", False), ("@c", Kind("decimal", precision=10, scale=2), k.decimal_stored(-150, 2),
        False),
    )  # fmt: skip
    assert (made.rows, made.outputs) == ([(41, "häé", "-1.50")], {"@o": 42})


def test_exact_decimals(case: Case) -> None:
    case.client.run(
        "CREATE TABLE d (v decimal(38,18)); INSERT INTO d VALUES (0.1), (0.2), (-0.3), "
        "(99999999999999999999.999999999999999999)"
    )
    total = case.client.value("SELECT SUM(v) FROM d")
    assert Decimal(total) == Decimal("99999999999999999999.999999999999999999")
    assert case.client.value("SELECT COUNT(*) FROM d WHERE v > 0.15") == 2
    case.fails(8115, "SELECT CAST(1000 AS decimal(3,0))")


def test_values(case: Case) -> None:
    for sql, expected in {
        "LEN(N'ab  ')": 2, "DATALENGTH(N'ab  ')": 8, "ISNULL(NULL, 5)": 5, "IIF(1 = 2, 'a', 'b')": "b", "7 / 2": 3,
        "-7 / 2": -3, "7 % -3": 1,
        "7 / 2.0": "3.500000", "DATEDIFF(day, '2024-01-31', '2024-03-01')": 30,
        "DATEADD(month, 1, CAST('2024-01-31' AS date))": "2024-02-29",
        "CONVERT(varchar(30), CAST('2024-01-02T03:04:05.678' AS datetime), 126)": "2024-01-02T03:04:05.677",
        "CONVERT(varchar(30), CAST('2024-01-02T03:04:05.6781' AS datetime2), 121)": "2024-01-02 03:04:05.6781000",
        "CONVERT(nvarchar(40), CAST(0.1 AS float), 3)": "1.0000000000000001e-001",
        "CONVERT(nvarchar(40), CAST(1.5 AS money), 2)": "1.5000",
        "CONVERT(varchar(40), 0x0aff, 1)": "0x0AFF", "TRY_CAST('x' AS int)": None,
        "CAST(0x00000000000007D1 AS bigint)": 2001,
        "SWITCHOFFSET(CAST('2024-01-01T00:00:00+02:00' AS datetimeoffset), '+00:00')": "2023-12-31T22:00:00+00:00",
        "CASE WHEN 'a' = 'A ' THEN 1 ELSE 0 END": 1,
        "CASE WHEN N'a' COLLATE Latin1_General_100_BIN2 < N'B' THEN 1 ELSE 0 END": 0,
        "CASE WHEN 'x[1]' LIKE 'x[[]_]' THEN 1 ELSE 0 END": 1,
        "CASE WHEN 'a%b' LIKE 'a!%b' ESCAPE '!' THEN 1 ELSE 0 END": 1,
        "CASE WHEN 'cat' LIKE '[^d-z]a_' THEN 1 ELSE 0 END": 1,
        "SQL_VARIANT_PROPERTY(CAST(1.5 AS sql_variant), 'BaseType')": "numeric",
        "SESSIONPROPERTY('ANSI_NULLS')": 1, "SCHEMA_NAME()": "dbo",
        "CAST(SERVERPROPERTY('EngineEdition') AS int)": 3, "@@TRANCOUNT": 0,
    }.items():  # fmt: skip
        assert case.client.value(f"SELECT {sql}") == expected


def test_queries(case: Case) -> None:
    case.client.run(
        "CREATE TABLE q (id int PRIMARY KEY, g varchar(5), v int); INSERT INTO q VALUES (1, 'a', 10), (2, 'A', "
        "20), (3, 'b', NULL)"
    )
    for sql, expected in {
        "SELECT TOP 2 id FROM q WITH (NOLOCK) ORDER BY id DESC": [(3,), (2,)],
        "SELECT id FROM q ORDER BY v OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY": [(1,)],
        "SELECT g, COUNT_BIG(*), SUM(v), AVG(v) FROM q GROUP BY g ORDER BY 2 DESC": [("a", 2, 30, 15), ("b", 1,
        None, None)],
        "WITH c (n) AS (SELECT v FROM q) SELECT MAX(n) FROM c": [(20,)],
        "SELECT a.id, b.id FROM q a LEFT JOIN q AS b ON b.id = a.id + 1 AND b.v > 15 ORDER BY a.id": [(1, 2), (2,
        None), (3, None)],
        "SELECT id FROM q WHERE id IN (SELECT v / 10 FROM q WHERE v IS NOT NULL) AND NOT (g LIKE 'b%')": [(1,), (2,
        )],
        "SELECT id FROM q UNION ALL SELECT 5.5 ORDER BY 1 DESC": [("5.5",), ("3.0",), ("2.0",), ("1.0",)],
        "SELECT [id] AS [an ]] id] FROM [dbo].[q] WHERE (v BETWEEN 15 AND 25 OR v IS NULL) AND EXISTS (SELECT 1 "
        "FROM q x WHERE x.id = q.id)": [(2,), (3,)],
        "SELECT ROW_NUMBER() OVER (PARTITION BY g ORDER BY id DESC) FROM q ORDER BY id": [(2,), (1,), (1,)],
        "DECLARE @x int = 1; SET @x += 2; IF @x = 3 SELECT 'yes' ELSE SELECT 'no'": [("yes",)],
        "SELECT COUNT(*) FROM q TABLESAMPLE (100 PERCENT)": [(3,)],
    }.items():  # fmt: skip
        assert case.client.rows(sql) == expected


def test_errors(case: Case) -> None:
    case.client.run("CREATE TABLE e (id int NOT NULL PRIMARY KEY, s varchar(3))")
    case.client.run("INSERT INTO e VALUES (1, 'a')")
    for number, sql in {
        208: "SELECT 1 FROM nope", 207: "SELECT nope FROM e", 102: "SELECT 1 +", 156: "SELECT FROM e",
        8134: "SELECT 1 / 0", 245: "SELECT CAST('x' AS int)",
        2627: "INSERT INTO e VALUES (1, 'b')", 515: "INSERT INTO e (s) VALUES ('b')",
        2628: "INSERT INTO e VALUES (2, 'long')", 195: "SELECT NO_SUCH(1)",
        2812: "EXEC no_such", 3902: "COMMIT", 8115: "SELECT CAST(300 AS tinyint)",
        241: "SELECT CAST('2024-13-01' AS date)", 911: "USE nope",
    }.items():  # fmt: skip
        case.fails(number, sql)


def test_changes(case: Case) -> None:
    case.client.run(
        "CREATE TABLE c (id int IDENTITY(10, 5) PRIMARY KEY, n decimal(9,2) DEFAULT 1.5, twice AS (n * 2), rv "
        "rowversion)"
    )
    made = case.client.run("INSERT INTO c (n) OUTPUT inserted.id VALUES (2), (3)")
    assert (made.rows, made.counts) == ([(10,), (15,)], [2])
    case.client.run("INSERT INTO c DEFAULT VALUES")
    before = case.client.value("SELECT CAST(MAX(rv) AS bigint) FROM c")
    assert case.client.run("UPDATE c SET n += 1 WHERE id < 20").counts == [2]
    assert case.client.rows("SELECT id, n, twice FROM c ORDER BY id") == [
        (10, "3.00", "6.00"),
        (15, "4.00", "8.00"),
        (20, "1.50", "3.00"),
    ]
    assert case.client.value("SELECT CAST(MAX(rv) AS bigint) FROM c") == before + 2
    assert case.client.run("DELETE c WHERE id = 10").counts == [1]
    assert case.client.value("SELECT CAST(IDENT_CURRENT('dbo.c') AS int)") == 20
