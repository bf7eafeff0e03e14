"""Every column of the sheet SourceConfig, declared once (those of API jobs in `api_columns`).

From these declarations come the reader, the validation, the template, the JSON Schema and the documentation. A
column's default is that of the model's field. Their order is that of the template, from left to right: the columns that
every workbook has had from the beginning, then how the rows arrive, when the job runs, what it refuses. Columns of APIs
and of Databricks are next to each other and fold there.
"""

from __future__ import annotations

from shared.jobs.destinations import DESTINATIONS, destinations_with
from shared.jobs.source_types import SOURCE_TYPES
from shared.models.job import Job, LoadType
from shared.workbook.api_columns import API_COLUMNS, OPTIONAL_API_COLUMNS
from shared.workbook.column import Column, SheetSpec, When
from shared.workbook.kinds import Choice, Flag, Integer, Names, Text
from shared.workbook.structured_kinds import ColumnTypes, Masks, Schedule

_IS_DATABASE = When("source_type", tuple(one.name for one in SOURCE_TYPES.values() if one.is_database))
_IS_INCREMENTAL = When("load_type", (LoadType.INCREMENTAL.value,))
_IN_CATALOG = When("destination", destinations_with("databricks_catalog"))
_IN_SCHEMA = When("destination", destinations_with("databricks_schema"))

_NAME = r"[A-Za-z0-9](?:_?[A-Za-z0-9-])*"
_NAME_RULE = "is not made of letters, digits, '-' and single '_' between them"
JOB_ID = Text(_NAME, _NAME_RULE, max_length=100, label="name")
SOURCE_NAME = Text(_NAME, _NAME_RULE, max_length=60, label="name")
_IDENTIFIER = Text(r"[^\n\r\t]+", "holds a line break or tab", max_length=128, label="identifier")
_UNITY_NAME = Text(
    r"[^\s./\x00-\x1f]+", "holds a space, a period, a slash or a line break", max_length=255, label="name"
)
_TAG = Text(r"[a-z0-9][a-z0-9_.-]*", "is not made of letters, digits, '-', '_' and '.'", max_length=50)
WATERMARK = Text(max_length=256, label="number, date or text")

_WHAT_AND_WHERE = (
    Column(
        "job_id",
        JOB_ID,
        "Unique name of the job, by which the audit table and its saved state know it: keep it once the job has run.",
        "pg_orders_incr",
        required=True,
    ),
    Column(
        "source_type",
        Choice(tuple(SOURCE_TYPES)),
        "The kind of system that the job reads from.",
        "PostgreSQL",
        required=True,
    ),
    Column(
        "source_name",
        SOURCE_NAME,
        "The system; its connection is the secret source-{source_name}, its name starts the folder in the lake.",
        "shop_pg",
        required=True,
    ),
    Column("schema_name", _IDENTIFIER, "The table's schema.", "public", required=_IS_DATABASE),
    Column("table_name", _IDENTIFIER, "The table or view to read.", "orders", required=_IS_DATABASE),
    Column(
        "load_type",
        Choice(tuple(kind.value for kind in LoadType)),
        "FULL replaces the table on every run; INCREMENTAL adds the rows beyond the last watermark.",
        "INCREMENTAL",
        required=True,
    ),
    Column("enabled", Flag(), "N keeps the row and never runs it.", "Y", required=True),
    Column(
        "target_container",
        Text(
            r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*",
            "is not a container name: 3 to 63 lower-case letters, digits and single '-' between them",
            max_length=63,
        ),
        "The container of the lake.",
        "lake",
        required=True,
    ),
    Column(
        "target_folder_path",
        Text(
            r"/?(?:(?!\.{1,2}(?:/|$))[^/\\:*?\"<>|#%\x00-\x1f]*[^/\\:*?\"<>|#%\x00-\x1f. ](?:/|$))+",
            "is not a folder path: names between single '/', none of them . or .., "
            'without \\ : * ? " < > | # % and not ending in a dot or space',
            max_length=512,
        ),
        "The folder in the container; the job writes to {source_name}_{table_name} in it.",
        "raw/shop",
        required=True,
    ),
    Column(
        "watermark_column",
        _IDENTIFIER,
        "The column that grows with new rows, such as a change time or a number from a sequence.",
        "updated_at",
        required=_IS_INCREMENTAL,
        applies=_IS_INCREMENTAL,
    ),
    Column(
        "last_watermark",
        WATERMARK,
        "Where the first load starts, such as 2024-01-31T00:00:00 or 0; later ones continue after the last load. "
        "Blank reads everything the first time.",
        "2024-01-31T00:00:00",
        applies=_IS_INCREMENTAL,
    ),
    Column(
        "query_filter",
        Text(),
        "A condition in the source's SQL, as after WHERE; only matching rows are read.",
        "status <> 'DRAFT'",
        applies=_IS_DATABASE,
    ),
)

_HOW_IT_ARRIVES = (
    Column(
        "primary_key",
        Names(_IDENTIFIER),
        "The columns that identify a row; with table_format delta an INCREMENTAL load updates rows by them.",
        "order_id",
    ),
    Column(
        "table_format",
        Choice(("parquet", "delta")),
        "The format in the lake. Parquet appends in INCREMENTAL loads; delta can update rows by primary_key.",
        "delta",
    ),
    Column(
        "lookback",
        Integer(0, 1_000_000_000),
        "How far before the watermark a load starts again, for late rows: seconds for times, a count for numbers. "
        "Needs table_format delta and primary_key.",
        3600,
        applies=_IS_INCREMENTAL,
    ),
    Column(
        "included_columns",
        Names(_IDENTIFIER),
        "Only these columns are read; * matches any characters. Blank reads all.",
        "id, name, addr_*",
    ),
    Column(
        "excluded_columns",
        Names(_IDENTIFIER),
        "These columns are not read; * matches any characters.",
        "*_internal",
    ),
    Column(
        "excluded_tables",
        Names(_IDENTIFIER),
        "Tables that a table_name with * does not include; may contain * too.",
        "tmp_*",
        applies=_IS_DATABASE,
    ),
    Column(
        "column_types",
        ColumnTypes(),
        "Types that override those of the source: text, bigint, double, decimal(p,s), bool, date, time, timestamp, "
        "binary, json.",
        "amount:decimal(18,4), flag:bool",
    ),
    Column(
        "partition_by",
        Names(_IDENTIFIER),
        "The columns by which a Delta table is split into folders; choose few distinct values, such as countries.",
        "country",
    ),
)

_WHEN_IT_RUNS = (
    Column(
        "schedule",
        Schedule(),
        "When the job is due, UTC; it runs in the first tick of the timer after that. Blank runs in every tick.",
        "0 3 * * 1-5",
    ),
    Column("priority", Integer(0, 1000), "Jobs with a lower number start first.", 10),
    Column("tags", Names(_TAG, lower=True), "Words by which a manual run can choose jobs.", "daily, finance"),
    Column(
        "max_attempts",
        Integer(1, 10),
        "Attempts if a failure may be temporary. Blank takes the setting JOB_MAX_ATTEMPTS.",
        5,
    ),
    Column(
        "timeout_minutes",
        Integer(1, 1440),
        "An attempt that takes longer is ended. Blank takes the setting JOB_TIMEOUT_MINUTES.",
        20,
    ),
)

_WHAT_IT_REFUSES = (
    Column(
        "schema_contract",
        Choice(("evolve", "freeze", "discard_row", "discard_value")),
        "What happens when the source's columns change: follow, fail, or leave out the rows or values that do not fit.",
        "evolve",
    ),
    Column(
        "verify",
        Flag(("Y", "N", "SUMS")),
        "Y also counts the rows at the source and compares; SUMS also compares the sums of its whole and decimal "
        "numbers.",
        "Y",
        applies=_IS_DATABASE,
    ),
    Column(
        "detect_deletes",
        Choice(("none", "soft", "hard")),
        "What happens to rows that were deleted at the source: soft sets the column _deleted_at, hard removes them. "
        "Needs load_type INCREMENTAL, table_format delta, primary_key and a database.",
        "soft",
    ),
    Column(
        "max_deleted_percent",
        Integer(0, 100),
        "A load that would delete more of the table's rows than this fails and changes nothing.",
        10,
    ),
    Column(
        "max_shrink_percent",
        Integer(0, 100),
        "How far a load that replaces the table may shrink it, in percent of its rows; beyond that it fails and "
        "changes nothing. Blank takes the value of the sheet Sources, and without one any load may, except one of an "
        "API that gives no row at all; a full refresh always may.",
        50,
    ),
    Column(
        "partition_column",
        _IDENTIFIER,
        "The column by which parallel readers divide the table; if blank, the app chooses one.",
        "order_id",
        applies=_IS_DATABASE,
    ),
    Column(
        "masked_columns",
        Masks(),
        "Columns whose values never reach the lake: hash keeps them joinable, last4 keeps the end of a text, year "
        "the year of a date, null nothing. hash? allows tables without the column.",
        "email:hash, phone:last4, name:null, birth:year",
    ),
)

_HOW_FAST = (
    Column(
        "chunk_size",
        Integer(1, 10_000_000),
        "Rows of a batch at most; long rows make smaller ones, of some megabytes. PostgreSQL goes by megabytes alone.",
        100_000,
    ),
    Column("parallelism", Integer(1, 64), "Readers that share one table.", 1),
)

_DATABRICKS = (
    Column(
        "destination",
        Choice(tuple(DESTINATIONS)),
        "Where the table is: in the lake, or in Databricks, which loads it from files in the lake. Databricks "
        "needs table_format delta.",
        "databricks",
    ),
    Column(
        "databricks_catalog",
        _UNITY_NAME,
        "The catalog in Unity Catalog.",
        "main",
        required=_IN_CATALOG,
        applies=_IN_CATALOG,
    ),
    Column(
        "databricks_schema",
        _UNITY_NAME,
        "The schema in that catalog; the table has the same name as at the source.",
        "shop",
        required=_IN_SCHEMA,
        applies=_IN_SCHEMA,
    ),
)

SOURCE_CONFIG = SheetSpec(
    "SourceConfig",
    Job,
    (
        *(*_WHAT_AND_WHERE, *API_COLUMNS, *_HOW_FAST),
        *(*_HOW_IT_ARRIVES, *_WHEN_IT_RUNS, *_WHAT_IT_REFUSES),
        *(*OPTIONAL_API_COLUMNS, *_DATABRICKS),
    ),
    help="One row per job: what is read, how, and where it goes.",
)
