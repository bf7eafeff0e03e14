"""Which columns of a table are read, how the query asks for each, and the type each has in the lake."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema.typing import TTableSchemaColumns

from shared.errors.hierarchy import SourceError
from shared.jobs.lake_layout import DELETED_AT
from shared.jobs.patterns import is_chosen, matches
from shared.models.job import Job
from shared.sources.canonical import Spelling
from shared.sources.masking import ColumnMask

TEXT = pa.string()
UNSCALED_DECIMAL = pa.decimal128(38, 9)
"""A number whose digits the source does not limit; a value that does not fit it exactly is an error."""
_MAX_DIGITS = 38  # what Delta, Spark and decimal128 can carry

_DECLARED: dict[str, tuple[pa.DataType, sa.types.TypeEngine[Any]]] = {
    "text": (TEXT, sa.Text()),
    "json": (TEXT, sa.Text()),
    "bigint": (pa.int64(), sa.BigInteger()),
    "double": (pa.float64(), sa.Double()),
    "decimal": (UNSCALED_DECIMAL, sa.Numeric(38, 9)),
    "bool": (pa.bool_(), sa.Boolean()),
    "date": (pa.date32(), sa.Date()),
    "time": (pa.time64("us"), sa.Time()),
    "timestamp": (pa.timestamp("us"), sa.DateTime()),
    "binary": (pa.binary(), sa.LargeBinary()),
}
_PADDED = ("CHAR(", "NCHAR(")
_VARYING = ("VARCHAR", "NVARCHAR", "TEXT", "String")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


Order = Literal["values", "source"]
"""Who finds the greatest value of a column: its values in Arrow have the source's order, or the source is asked."""


@dataclass(frozen=True)
class ReadColumn:
    """One column on its way from the source to the lake.

    Args:
        name: Its name in the lake.
        expression: What the query asks for.
        type: The type that carries its values unchanged.
        compared: What a condition on it uses, if that is not the expression.
        wire: The type in which the driver is to give it, if that is not `type`.
        order: How it can be a watermark column; None if its values in the lake do not have the source's order.
        lake: Its type in the table's earlier files, if that is another.
        source_name: Its name at the source, if that is another.
        kind: Its type in the source's words.
        mask: What becomes of its values before they go any further; None if they stay.
    """

    name: str
    expression: sa.ColumnElement[Any]
    type: pa.DataType
    compared: sa.ColumnElement[Any] | None = None
    wire: pa.DataType | None = None
    order: Order | None = None
    lake: pa.DataType | None = None
    source_name: str = ""
    kind: str = ""
    mask: ColumnMask | None = None

    @property
    def given_type(self) -> pa.DataType:
        """The type that its values have once they are masked. Raises SourceError if the mask does not fit."""
        return self.mask.type_of(self.type) if self.mask else self.type

    @property
    def lake_type(self) -> pa.DataType:
        """The type that its values have in the lake."""
        return self.lake or self.given_type

    @property
    def spelling(self) -> Spelling:
        """What its texts really are."""
        if self.type != TEXT:
            return "as it is"
        kind: Any = self.comparable.type
        while hasattr(kind, "data_type"):  # a domain
            kind = kind.data_type
        if isinstance(kind, sa.Uuid):
            return "uuid"
        if isinstance(kind, (sa.CHAR, sa.NCHAR)):
            return "padded"
        return "number" if isinstance(kind, sa.Numeric) else "as it is"

    @property
    def is_long(self) -> bool:
        """Whether its values are texts or bytes that may have any length."""
        holds = pa.types.is_string(self.wire_type) or pa.types.is_binary(self.wire_type)
        return holds and getattr(self.expression.type, "length", None) is None

    @property
    def wire_type(self) -> pa.DataType:
        """The type in which the driver gives it."""
        return self.wire or self.type

    @property
    def comparable(self) -> sa.ColumnElement[Any]:
        """What a condition on the column uses."""
        return self.expression if self.compared is None else self.compared


def chosen_columns(job: Job, table: sa.Table) -> list[sa.Column[Any]]:
    """The columns that `included_columns` and `excluded_columns` leave of a table.

    Raises:
        SourceError: a name fits no column, no column is left, or one is left out that the load needs.
    """
    names = [column.name for column in table.c]
    for setting in ("included_columns", "excluded_columns"):
        for pattern in getattr(job, setting):
            if not any(matches([pattern], name) for name in names):
                raise SourceError(_no_column(setting, pattern, table, names))
    included, excluded = job.included_columns, job.excluded_columns
    chosen = [column for column in table.c if is_chosen(included, excluded, column.name, names)]
    if not chosen:
        raise SourceError(
            f"Table '{table.fullname}' has no column to read: it has none, its user may see none, "
            "or included_columns and excluded_columns leave none."
        )
    if job.table_format == "delta" and (quoted := [column.name for column in chosen if "`" in column.name]):
        raise SourceError(
            f"Column '{quoted[0]}' of table '{table.fullname}' has a ` in its name, which Delta cannot refer to: leave "
            "it out with excluded_columns, or load with table_format parquet."
        )
    kept = {column.name for column in chosen}
    needed = {"primary_key": job.primary_key, "partition_by": job.partition_by}
    for setting, wanted in (("watermark_column", job.watermark_column), *needed.items()):
        for name in [wanted] if isinstance(wanted, str) else wanted or ():
            if column_name(table, name, setting) not in kept:
                raise SourceError(
                    f"Column '{name}' of table '{table.fullname}' is the {setting} of job '{job.job_id}', "
                    "but included_columns or excluded_columns leaves it out."
                )
    if job.detect_deletes == "soft" and DELETED_AT in map(str.casefold, kept):
        raise SourceError(
            f"Table '{table.fullname}' has a column {DELETED_AT} of its own, where detect_deletes soft marks rows: use "
            "detect_deletes hard, or leave the column out with excluded_columns."
        )
    return chosen


def column_name(table: sa.Table, wanted: str, setting: str) -> str:
    """The name of a table's column as the source spells it; case does not count where it leaves no doubt.

    Raises:
        SourceError: the table has no such column; `setting` says where the name comes from.
    """
    names = [column.name for column in table.c]
    if wanted in names:
        return wanted
    folded = [name for name in names if name.casefold() == wanted.casefold()]
    if len(folded) == 1:
        return folded[0]
    raise SourceError(_no_column(setting, wanted, table, names))


def declared_types(job: Job, table: sa.Table) -> dict[str, str]:
    """`column_types` by the columns' names as the source spells them."""
    return {column_name(table, name, "column_types"): text for name, text in job.column_types.items()}


def declared_type(text: str) -> tuple[pa.DataType, sa.types.TypeEngine[Any]]:
    """A type of `column_types` as it is in the lake, and as the source is to cast to it."""
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        return pa.decimal128(precision, scale), sa.Numeric(precision, scale)
    return _DECLARED[text]


def decimal_type(precision: int | None, scale: int | None) -> pa.DataType | None:
    """The Arrow type of NUMERIC(precision, scale), or None where only text can carry it.

    A negative scale and one beyond the precision are allowed, as PostgreSQL and Oracle do.
    """
    if precision is None:
        return UNSCALED_DECIMAL
    scale = scale or 0
    digits = max(precision - min(scale, 0), scale)
    return pa.decimal128(digits, max(scale, 0)) if digits <= _MAX_DIGITS else None


def natural_order(arrow_type: pa.DataType) -> Order | None:
    """`values` for the types whose order is the same in every database and in Arrow: numbers, dates, timestamps."""
    ordered = (
        pa.types.is_integer,
        pa.types.is_decimal,
        pa.types.is_floating,
        pa.types.is_date,
        pa.types.is_timestamp,
    )
    return "values" if any(is_type(arrow_type) for is_type in ordered) else None


def named_as_in(lake: Iterable[str], columns: Sequence[ReadColumn], table: sa.Table) -> list[ReadColumn]:
    """The columns by their names in the lake: those of the source, or an earlier spelling that differs in case only.

    Raises:
        SourceError: two names differ in case only, which Spark and Delta take for one.
    """
    spelled = {name.casefold(): name for name in lake}
    counted = Counter(column.name.casefold() for column in columns)
    if twice := [column.name for column in columns if counted[column.name.casefold()] > 1]:
        raise SourceError(
            f"Columns {', '.join(sorted(twice))} of table '{table.fullname}' differ in case only, which Delta and "
            "Spark take for one column: leave one out with excluded_columns."
        )
    return [
        replace(column, name=spelled.get(column.name.casefold(), column.name), source_name=column.name)
        for column in columns
    ]


def arrow_schema(columns: Sequence[ReadColumn], keys: Iterable[str]) -> pa.Schema:
    """The schema of every batch as it is in the lake; `keys` are names at the source.

    All columns but the keys may be NULL: sources change that at will, files cannot.
    """
    required = set(keys)
    return pa.schema(
        [
            pa.field(column.name, column.lake_type, (column.source_name or column.name) not in required)
            for column in columns
        ]
    )


def kinds_of(columns: Iterable[ReadColumn]) -> Mapping[str, str]:
    """The types in the source's words, by name."""
    return {column.name: column.kind for column in columns}


def is_respelled(before: str, now: str) -> bool:
    """Whether the same value of a key may print otherwise since its type, in the source's words, has changed.

    `char(n)` pads, and what was a text may have printed a number or an identifier in a way of its own: `007`.
    """
    if before == now:
        return False
    padded = before.startswith(_PADDED) or now.startswith(_PADDED)
    return padded or (before.startswith(_VARYING) and not now.startswith(_VARYING))


def dlt_hints(schema: pa.Schema) -> TTableSchemaColumns:
    """The columns as dlt's schema holds them: what dlt itself would read off the batches, so that both agree."""
    return py_arrow_to_table_schema_columns(schema)


def _no_column(setting: str, wanted: str, table: sa.Table, names: list[str]) -> str:
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Its columns are {', '.join(names)}."
    return f"{setting} '{wanted}' is not a column of table '{table.fullname}'. {hint}"
