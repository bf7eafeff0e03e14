"""Every column of the workbook, declared once.

From these declarations come the reader, the validation, the template, the JSON Schema and the documentation. A
column's default is that of the model's field of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.models import Job, LoadType, Shape, SourceType
from shared.workbook.kinds import Choice, Flag, Integer, Kind, Text

DATABASES = (SourceType.POSTGRESQL.value, SourceType.ORACLE.value, SourceType.MSSQL.value)


@dataclass(frozen=True)
class When:
    """The rows for which something holds: those whose `column` has one of `values`."""

    column: str
    values: tuple[str, ...]

    def holds(self, row: Mapping[str, object]) -> bool:
        """Whether it holds for a row of typed values."""
        return row.get(self.column) in self.values

    def __str__(self) -> str:
        return f"{self.column} is {' or '.join(self.values)}"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: The header in the sheet, and the field of the sheet's model.
        kind: Which values it takes.
        help: What it is for, in a sentence or two for the person who fills it in.
        example: A value as somebody would type it.
        required: Whether a value must stand there: always, never, or for some rows.
        applies: The rows for which it has a meaning; elsewhere a value is ignored, with a warning. None: all.
    """

    name: str
    kind: Kind
    help: str
    example: str | int
    required: bool | When = False
    applies: When | None = None

    def is_required(self, row: Mapping[str, object]) -> bool:
        """Whether a row of typed values must have it."""
        return self.required.holds(row) if isinstance(self.required, When) else self.required


@dataclass(frozen=True)
class SheetSpec:
    """One sheet: its name, its columns in the template's order, and the model that a row becomes."""

    name: str
    model: type[Shape]
    columns: tuple[Column, ...]
    optional: bool = False

    @property
    def key(self) -> Column:
        """The column that names a row."""
        return self.columns[0]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    def default(self, column: Column) -> Any:
        """The value of a blank cell; None where there is none."""
        field = self.model.model_fields[column.name]
        return None if field.is_required() else field.get_default(call_default_factory=True)


_IS_DATABASE = When("source_type", DATABASES)
_IS_API = When("source_type", (SourceType.API.value,))
_IS_INCREMENTAL = When("load_type", (LoadType.INCREMENTAL.value,))

_NAME = r"[A-Za-z0-9](?:_?[A-Za-z0-9-])*"
_NAME_RULE = "is not made of letters, digits, '-' and single '_' between them"
_IDENTIFIER = Text(max_length=128, label="identifier")

SOURCE_CONFIG = SheetSpec(
    "SourceConfig",
    Job,
    (
        Column(
            "job_id",
            Text(_NAME, _NAME_RULE, max_length=100),
            "Unique name of the job; it stands in the audit and names the job's state, so keep it once it has run.",
            "pg_orders_incr",
            required=True,
        ),
        Column(
            "source_type",
            Choice(tuple(kind.value for kind in SourceType)),
            "The kind of system that the job reads from.",
            "PostgreSQL",
            required=True,
        ),
        Column(
            "source_name",
            Text(_NAME, _NAME_RULE, max_length=60),
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
            Text(max_length=256),
            "Where the first load starts, such as 2024-01-31T00:00:00 or 0; later ones go on from the last load. "
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
        Column(
            "api_endpoint",
            Text(max_length=2000),
            "The path of the resource, added to the base_url of the secret.",
            "/api/v1/users",
            required=_IS_API,
            applies=_IS_API,
        ),
        Column("api_method", Choice(("GET", "POST")), "The HTTP method of the request.", "GET", applies=_IS_API),
        Column(
            "pagination_type",
            Choice(("none", "offset", "cursor", "page")),
            "How the API divides its answer into pages.",
            "offset",
            applies=_IS_API,
        ),
        Column("chunk_size", Integer(1, 10_000_000), "Rows that are read and held at once.", 100_000),
        Column("parallelism", Integer(1, 64), "Readers that share one table.", 1),
    ),
)

SHEETS = (SOURCE_CONFIG,)
