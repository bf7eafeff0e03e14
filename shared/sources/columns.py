"""Which columns of a table are read, how the query asks for each, and the type each has in the lake."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema.typing import TTableSchemaColumns

from shared.errors.hierarchy import SourceError
from shared.jobs.lake_layout import DELETED_AT
from shared.jobs.wildcards import matches
from shared.models.job import Job

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
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass(frozen=True)
class ReadColumn:
    """One column on its way from the source to the lake.

    Args:
        name: its name on both sides.
        expression: what the query asks for.
        type: its type in the lake.
        compared: what a condition on it uses, where that is not the expression.
        wire: the type in which the driver is to give it, where that is not the type in the lake.
    """

    name: str
    expression: sa.ColumnElement[Any]
    type: pa.DataType
    compared: sa.ColumnElement[Any] | None = None
    wire: pa.DataType | None = None

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
    chosen = [
        column
        for column in table.c
        if (not job.included_columns or matches(job.included_columns, column.name))
        and not matches(job.excluded_columns, column.name)
    ]
    if not chosen:
        raise SourceError(
            f"Table '{table.fullname}' has no column to read: it has none, its user may see none, "
            "or included_columns and excluded_columns leave none."
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


def arrow_schema(columns: Sequence[ReadColumn], keys: Iterable[str]) -> pa.Schema:
    """The schema of every batch. All columns but the keys may be NULL: sources change that at will, files cannot."""
    required = set(keys)
    return pa.schema([pa.field(column.name, column.type, column.name not in required) for column in columns])


def dlt_hints(schema: pa.Schema) -> TTableSchemaColumns:
    """The columns as dlt's schema holds them: what dlt itself would read off the batches, so that both agree."""
    return py_arrow_to_table_schema_columns(schema)


def _no_column(setting: str, wanted: str, table: sa.Table, names: list[str]) -> str:
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Its columns are {', '.join(names)}."
    return f"{setting} '{wanted}' is no column of table '{table.fullname}'. {hint}"
