"""One bad cell in a valid workbook: the cell and the sentence that a person gets for it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from shared.workbook.validation import validate
from tests.builders import a_workbook

API: dict[str, Any] = {"source_type": "API", "schema_name": None, "table_name": None, "api_endpoint": "/users"}
INCREMENTAL: dict[str, Any] = {"load_type": "INCREMENTAL", "watermark_column": "updated_at"}
DELTA: dict[str, Any] = {**INCREMENTAL, "table_format": "delta", "primary_key": "id"}

BAD_ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("job_id is blank", {"job_id": "  "}, "A2 job_id: is blank, but a value is required; for example pg_orders_incr"),
    ("job_id with a space", {"job_id": "my job"}, "A2 job_id: 'my job' is not made of letters"),
    ("job_id with two underscores", {"job_id": "a__b"}, "A2 job_id: 'a__b' is not made of letters"),
    ("job_id with a slash", {"job_id": "a/b"}, "A2 job_id: 'a/b' is not made of letters"),
    ("job_id too long", {"job_id": "a" * 101}, "has 101 characters, at most 100 are allowed"),
    (
        "source_type unknown",
        {"source_type": "MySQL"},
        "B2 source_type: 'MySQL' is not one of PostgreSQL, Oracle, MSSQL",
    ),
    (
        "source_type mistyped",
        {"source_type": "Postgres"},
        "'Postgres' is not one of PostgreSQL, Oracle, MSSQL, API; did",
    ),
    ("source_name with a dot", {"source_name": "a.b"}, "C2 source_name: 'a.b' is not made of letters"),
    ("schema missing", {"schema_name": None}, "D2 schema_name: is blank, but a value is required when source_type is"),
    (
        "schema with a wildcard",
        {"schema_name": "s*"},
        "D2 schema_name: 's*' holds *, which is allowed in table_name only",
    ),
    ("table missing", {"table_name": None}, "E2 table_name: is blank, but a value is required when source_type is"),
    ("table too long", {"table_name": "t" * 129}, "E2 table_name: "),
    ("table with a control character", {"table_name": "a\tb"}, "E2 table_name: 'a?b' holds a line break or tab"),
    ("load_type", {"load_type": "INCR"}, "SourceConfig!F2 load_type: 'INCR' is not one of FULL, INCREMENTAL"),
    ("enabled", {"enabled": "perhaps"}, "G2 enabled: 'perhaps' is not one of Y, N"),
    ("enabled is blank", {"enabled": None}, "G2 enabled: is blank, but a value is required"),
    ("container in capitals", {"target_container": "Lake"}, "H2 target_container: 'Lake' is not a container name"),
    ("container too short", {"target_container": "ab"}, "H2 target_container: 'ab' is not a container name"),
    ("container with two hyphens", {"target_container": "a--b"}, "'a--b' is not a container name"),
    ("container ends in a hyphen", {"target_container": "lake-"}, "'lake-' is not a container name"),
    ("folder goes up", {"target_folder_path": "raw/../x"}, "I2 target_folder_path: 'raw/../x' is not a folder path"),
    ("folder with a backslash", {"target_folder_path": "raw\\x"}, "'raw\\x' is not a folder path"),
    ("folder with a double slash", {"target_folder_path": "raw//x"}, "'raw//x' is not a folder path"),
    ("folder ends in a dot", {"target_folder_path": "raw."}, "'raw.' is not a folder path"),
    ("folder is only a slash", {"target_folder_path": "/"}, "'/' is not a folder path"),
    (
        "incremental without a watermark column",
        {"load_type": "INCREMENTAL"},
        "J2 watermark_column: is blank, but a value is required when load_type is INCREMENTAL",
    ),
    (
        "date of another country",
        {**INCREMENTAL, "last_watermark": "31.01.2024"},
        "K2 last_watermark: '31.01.2024' is not",
    ),
    (
        "date with a 13th month",
        {**INCREMENTAL, "last_watermark": "2024-13-01"},
        "'2024-13-01' is not a date in ISO 8601",
    ),
    (
        "text for a number",
        {**INCREMENTAL, "last_watermark": "abc", "column_types": "updated_at:bigint"},
        "'abc' is not a number, but column_types makes the watermark column bigint",
    ),
    (
        "number for a date",
        {**INCREMENTAL, "last_watermark": 45322, "column_types": "updated_at:timestamp"},
        "'45322' is not a date, but column_types makes the watermark column timestamp",
    ),
    *(
        (f"container {name}", {"target_container": name}, f"'{name}' is a container that the app keeps for itself")
        for name in ("config", "azure-webjobs-hosts", "azure-webjobs-secrets", "app-package")
    ),
    ("a cell beyond its limit", {"schedule": "*/1," * 100}, "has 400 characters, at most 200 are allowed"),
    (
        "filter is a statement",
        {"query_filter": "a = 1; drop table x"},
        "L2 query_filter: 'a = 1; drop table x' holds ';', which ends a statement",
    ),
    (
        "endpoint missing",
        {**API, "api_endpoint": None},
        "M2 api_endpoint: is blank, but a value is required when source",
    ),
    (
        "endpoint on another host",
        {**API, "api_endpoint": "https://x.example/u"},
        "M2 api_endpoint: 'https://x.example/u' is",
    ),
    (
        "endpoint on another host, without scheme",
        {**API, "api_endpoint": "//x.example/u"},
        "'//x.example/u' is not a path",
    ),
    ("api_method", {**API, "api_method": "DELETE"}, "N2 api_method: 'DELETE' is not one of GET, POST"),
    ("pagination_type", {**API, "pagination_type": "pages"}, "O2 pagination_type: 'pages' is not one of none, offset"),
    ("chunk_size zero", {"chunk_size": 0}, "P2 chunk_size: '0' is not within 1 to 10000000"),
    ("chunk_size text", {"chunk_size": "many"}, "P2 chunk_size: 'many' is not a whole number from 1 to 10000000"),
    ("chunk_size with decimals", {"chunk_size": 1.5}, "P2 chunk_size: '1.5' is not a whole number"),
    ("chunk_size boolean", {"chunk_size": True}, "P2 chunk_size: 'TRUE' is not a whole number"),
    ("parallelism", {"parallelism": 65}, "Q2 parallelism: '65' is not within 1 to 64"),
    ("primary key twice", {"primary_key": "a, A"}, "primary_key: 'a, A' names 'A' twice"),
    ("primary key of commas", {"primary_key": ",,"}, "primary_key: ',,' names nothing"),
    ("mask without a column", {"masked_columns": "hash"}, "masked_columns: 'hash' is not of the form column:mask"),
    ("mask unknown", {"masked_columns": "a:last10"}, "has the mask 'last10', which is not one of hash, last1 to last9"),
    ("mask mistyped", {"masked_columns": "a:hsah"}, "year; did you mean hash?"),
    ("two masks", {"masked_columns": "a:hash, A:null"}, "gives two masks to the column 'A'"),
    (
        "mask of the watermark",
        {**INCREMENTAL, "masked_columns": "Updated_At:year"},
        "'Updated_At', which is in watermark",
    ),
    (
        "mask of a partition",
        {"table_format": "delta", "partition_by": "a, b", "masked_columns": "b:hash"},
        "masks 'b', which is in partition_by, where its values are seen",
    ),
    (
        "mask of a range",
        {"partition_column": "a", "masked_columns": "a:hash"},
        "masks 'a', which is in partition_column",
    ),
    ("mask of the key", {**DELTA, "masked_columns": "ID:last4"}, "'ID:last4' is in primary_key, where only hash keeps"),
    ("mask with a type", {"column_types": "A:text", "masked_columns": "a:null"}, "column_types: gives a type to 'a'"),
    ("mask of an excluded column", {"excluded_columns": "a*", "masked_columns": "ab:null"}, "which excluded_columns"),
    ("mask of no column", {"included_columns": "b", "masked_columns": "a:null"}, "which included_columns leaves out"),
    ("mask that may be absent", {"masked_columns": "a:hash?"}, "'a:hash?' has a ?, but a single table has the column"),
    ("table_format", {"table_format": "iceberg"}, "table_format: 'iceberg' is not one of parquet, delta"),
    (
        "key not included",
        {**DELTA, "included_columns": "updated_at"},
        "included_columns: leaves out 'id', which is the",
    ),
    (
        "watermark excluded",
        {**INCREMENTAL, "excluded_columns": "UPD*"},
        "excluded_columns: leaves out 'updated_at', which",
    ),
    (
        "type unknown",
        {"column_types": "a:number"},
        "column_types: 'a:number' has the type 'number', which is not one of",
    ),
    ("type without a column", {"column_types": "decimal(1,2)"}, "is not of the form column:type, column:type"),
    ("scale above precision", {"column_types": "a:decimal(5,9)"}, "only decimal takes digits, at most 38"),
    ("two types", {"column_types": "a:text, a:bool"}, "gives two types to the column 'a'"),
    ("priority", {"priority": -1}, "priority: '-1' is not within 0 to 1000"),
    ("tag", {"tags": "a, b c"}, "tags: 'a, b c' names 'b c', which is not made of letters"),
    ("cron out of range", {"schedule": "61 * * * *"}, "schedule: '61 * * * *' is not a cron expression of five fields"),
    (
        "cron of six fields",
        {"schedule": "0 0 2 * * *"},
        "schedule: '0 0 2 * * *' is not a cron expression of five fields",
    ),
    ("cron never", {"schedule": "0 0 30 2 *"}, "schedule: '0 0 30 2 *' names a time that never comes"),
    ("max_attempts", {"max_attempts": 11}, "max_attempts: '11' is not within 1 to 10"),
    ("timeout_minutes", {"timeout_minutes": 0}, "timeout_minutes: '0' is not within 1 to 1440"),
    ("schema_contract", {"schema_contract": "frozen"}, "schema_contract: 'frozen' is not one of evolve, freeze"),
    (
        "lookback with Parquet",
        {**INCREMENTAL, "lookback": 60},
        "lookback: '60' reads rows again, which only table_format",
    ),
    (
        "lookback without a key",
        {**INCREMENTAL, "table_format": "delta", "lookback": 60},
        "lookback: '60' reads rows again; give the primary_key by which to update them",
    ),
    ("verify", {"verify": "maybe"}, "verify: 'maybe' is not one of Y, N, SUMS"),
    (
        "deletes of a full load",
        {"detect_deletes": "soft"},
        "detect_deletes: 'soft' does nothing with load_type FULL, which replaces the table",
    ),
    (
        "deletes in Parquet",
        {**INCREMENTAL, "detect_deletes": "hard"},
        "detect_deletes: 'hard' changes rows, which only table_format delta can do",
    ),
    (
        "deletes without a key",
        {**INCREMENTAL, "table_format": "delta", "detect_deletes": "hard"},
        "detect_deletes: 'hard' compares keys; give the primary_key",
    ),
    (
        "deletes of an API",
        {**API, **DELTA, "detect_deletes": "hard"},
        "detect_deletes: 'hard' compares keys with a database, and an API has none",
    ),
    ("brake", {**DELTA, "max_deleted_percent": 101}, "max_deleted_percent: '101' is not within 0 to 100"),
    ("partitions of Parquet", {"partition_by": "country"}, "partition_by: 'country' needs table_format delta"),
    (
        "partition left out",
        {**DELTA, "partition_by": "country", "excluded_columns": "c*"},
        "excluded_columns: leaves out 'country', which is the partition_by; let it stay",
    ),
    (
        "secret header",
        {**API, "api_headers": '{"Authorization": "x"}'},
        'api_headers: \'{"Authorization": "x"}\' holds \'Auth',
    ),
    *(
        (f"header {name}", {**API, "api_headers": f"{name}=x"}, f"holds '{name}', which is not a workbook's to set")
        for name in ("Host", "content-length", "Transfer-Encoding", "Connection", "X-HTTP-Method-Override", "Proxy-X")
    ),
    ("header with a line", {**API, "api_headers": '{"X-A": "b\\r\\nHost: c"}'}, "holds 'X-A', which is not a valid"),
    ("header with a space", {**API, "api_headers": '{"X A": "b"}'}, "holds 'X A', which is not a valid header name"),
    ("endpoint goes up", {**API, "api_endpoint": "/a/%2e%2e/b"}, "leaves the path of the source's base_url by '..'"),
    ("params not pairs", {**API, "api_params": "status"}, "api_params: 'status' is neither of the form a=1&b=2 nor"),
    (
        "an export without an id",
        {**API, "api_export": "status=/exports/{export}"},
        "api_export: holds {export}, which has a value only with id, such as id=data.id",
    ),
    (
        "an export's unknown option",
        {**API, "api_export": "files=url"},
        "'files=url' names 'files', which is not one of id, status, state, done, failed, file; did you mean file?",
    ),
    ("params twice", {**API, "api_params": "a=1&a=2"}, "api_params: 'a=1&a=2' names 'a' twice"),
    ("body not JSON", {**API, "api_method": "POST", "api_body": "{a: 1}"}, "api_body: '{a: 1}' is not JSON"),
    (
        "body not an object",
        {**API, "api_method": "POST", "api_body": "[1]"},
        "api_body: '[1]' is JSON, but not an object",
    ),
    (
        "time format misspelt",
        {**API, "load_type": "INCREMENTAL", "watermark_column": "at", "api_cursor_filter_format": "Unix"},
        "api_cursor_filter_format: 'Unix' is not iso, unix, unix_ms or a strftime format like %Y-%m-%d",
    ),
    ("rate limit", {**API, "api_rate_limit": 0}, "api_rate_limit: '0' is not a number above 0"),
    ("rate limit not finite", {**API, "api_rate_limit": "inf"}, "api_rate_limit: 'inf' is not a number above 0"),
]

GOOD_ROWS: list[tuple[str, dict[str, Any], str, object]] = [
    ("choices in any case", {"load_type": "full"}, "load_type", "FULL"),
    ("a flag", {"verify": "y"}, "verify", True),
    ("a flag's further word", {"verify": "Sums"}, "verify", "SUMS"),
    ("a boolean cell", {"enabled": True}, "enabled", True),
    ("no in words", {"enabled": "No"}, "enabled", False),
    ("a number stored as text", {"chunk_size": " 5000 "}, "chunk_size", 5000),
    ("a whole number stored with decimals", {"chunk_size": 5000.0}, "chunk_size", 5000),
    ("a name that is a number", {"table_name": 2024}, "table_name", "2024"),
    ("non-breaking and zero-width spaces", {"table_name": "\u00a0orders\u200b "}, "table_name", "orders"),
    ("an identifier with quotes and accents", {"table_name": 'Größe "x"'}, "table_name", 'Größe "x"'),
    ("a list over several lines", {"primary_key": "a,\nb"}, "primary_key", ("a", "b")),
    ("tags in lower case", {"tags": "Daily, FINANCE"}, "tags", ("daily", "finance")),
    (
        "types with brackets",
        {"column_types": "a:decimal(18, 4), b:int"},
        "column_types",
        {"a": "decimal(18,4)", "b": "bigint"},
    ),
    ("parameters as in an address", {**API, "api_params": "a=1&b=x%20y"}, "api_params", {"a": "1", "b": "x y"}),
    ("parameters as JSON", {**API, "api_params": '{"a": 1, "b": true}'}, "api_params", {"a": "1", "b": "true"}),
    (
        "a folder with slashes around",
        {"target_folder_path": "/raw/year=2024/"},
        "target_folder_path",
        "/raw/year=2024/",
    ),
    (
        "a watermark with a zone",
        {**INCREMENTAL, "last_watermark": "2024-01-31T10:00:00Z"},
        "last_watermark",
        "2024-01-31T10:00:00Z",
    ),
]

WARNED_ROWS: list[tuple[str, dict[str, Any], str]] = [
    (
        "Parquet with a key",
        {**INCREMENTAL, "primary_key": "id"},
        "primary_key: 'id' does not prevent duplicates of changed rows",
    ),
    (
        "watermark as text",
        {**INCREMENTAL, "last_watermark": "aa0"},
        "'aa0' is neither a number nor a date and is compared",
    ),
    (
        "watermark of a full load",
        {"last_watermark": "5"},
        "K2 last_watermark: '5' is ignored: it has a meaning only when load",
    ),
    ("one reader", {"partition_column": "id"}, "partition_column: 'id' has no effect while parallelism is 1"),
    ("no wildcard", {"excluded_tables": "tmp*"}, "excluded_tables: 'tmp*' has no effect without * in table_name"),
    (
        "schema in the table",
        {"table_name": "public.orders"},
        "table_name: 'public.orders' holds a dot; a schema belongs in",
    ),
    (
        "endpoint of a table",
        {"api_endpoint": "/x"},
        "api_endpoint: '/x' is ignored: it has a meaning only when source_type is",
    ),
    ("pages in order", {**API, "pagination_type": "cursor", "parallelism": 4}, "parallelism: '4' has no effect with"),
    (
        "column of other pages",
        {**API, "pagination_type": "page", "api_offset_param": "o"},
        "only when pagination_type is offset",
    ),
]


@pytest.mark.parametrize(("cells", "message"), [case[1:] for case in BAD_ROWS], ids=[case[0] for case in BAD_ROWS])
def test_a_bad_cell_is_named_with_its_value_and_what_is_wrong(cells: dict[str, Any], message: str) -> None:
    report = validate(a_workbook(cells))
    assert report.configuration is None
    assert len(report.problems) == 1
    assert message in str(report.problems[0])


def test_a_formula_that_was_never_calculated_is_named() -> None:
    workbook = load_workbook(BytesIO(a_workbook({})))
    workbook["SourceConfig"]["E2"] = "=A1"
    content = BytesIO()
    workbook.save(content)
    report = validate(content.getvalue())
    assert report.configuration is None
    assert "E2 table_name: '=A1' is a formula without a calculated value" in str(report.problems[0])


def test_a_text_that_begins_like_a_formula_is_a_text() -> None:
    report = validate(a_workbook({"table_name": "=A1"}))
    assert report.configuration is not None
    assert report.configuration.jobs[0].table_name == "=A1"


@pytest.mark.parametrize(
    ("cells", "field", "value"), [case[1:] for case in GOOD_ROWS], ids=[case[0] for case in GOOD_ROWS]
)
def test_a_cell_is_read_as_what_a_person_means(cells: dict[str, Any], field: str, value: object) -> None:
    report = validate(a_workbook(cells))
    assert report.problems == ()
    assert report.configuration is not None
    assert getattr(report.configuration.jobs[0], field) == value


@pytest.mark.parametrize(
    ("cells", "message"), [case[1:] for case in WARNED_ROWS], ids=[case[0] for case in WARNED_ROWS]
)
def test_what_is_odd_but_possible_is_a_warning(cells: dict[str, Any], message: str) -> None:
    report = validate(a_workbook(cells))
    assert report.configuration is not None
    assert len(report.warnings) == 1
    assert message in str(report.warnings[0])
