"""Where a load starts, and which columns can say so."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources.columns import ReadColumn, natural_order
from shared.sources.lookback import before
from shared.sources.source import ReadOptions
from shared.sources.watermark import typed_watermark


def next_start(job: Job, options: ReadOptions, cursor: ReadColumn) -> tuple[Any, Any]:
    """Where the next load starts and what earlier loads have reached, as values of the watermark column.

    Raises:
        SourceError: a watermark is not a value of the column, or `lookback` cannot be taken from it.
    """
    initial = _value(job.last_watermark, cursor)
    if options.full_refresh or not options.watermark:
        return initial, None
    reached = _value(options.watermark, cursor)
    if not job.lookback:
        return reached, reached
    earlier = before(reached, job.lookback, cursor.name)
    return (earlier if initial is None else max(earlier, initial)), reached


def refuse_unordered(cursor: ReadColumn, lake: pa.DataType | None, table: sa.Table) -> None:
    """See that the source's own order decides what is new.

    Args:
        cursor: The watermark column.
        lake: Its type in the lake, None if the lake does not have the table.
        table: The table, for the message.

    Raises:
        SourceError: the column's values in the lake have another order, or earlier loads had another.
    """
    name = cursor.source_name or cursor.name
    if cursor.order is None:
        raise SourceError(
            f"Column '{name}' ({cursor.type}) cannot be a watermark_column: table '{table.fullname}' has it as "
            f"{cursor.kind}, and its values have another order in the lake, or none. Choose a column of numbers, "
            "dates, timestamps or text, leave it out of column_types, or load the table FULL."
        )
    if lake is not None and _family(lake) != _family(cursor.type):
        raise SourceError(
            f"watermark_column '{name}' of table '{table.fullname}' has another type now ({cursor.kind}) than in the "
            f"lake ({lake}), and so another order: request a full refresh of the job."
        )


def _value(text: str | None, cursor: ReadColumn) -> Any:
    value = typed_watermark(text, cursor.type, cursor.name)
    if value is not None and cursor.order == "source" and isinstance(cursor.comparable.type, sa.Numeric):
        _refuse_no_number(value, cursor)
    return value


def _refuse_no_number(text: str, cursor: ReadColumn) -> None:
    try:
        is_number = Decimal(text).is_finite()
    except InvalidOperation:
        is_number = False
    if not is_number:
        raise SourceError(f"last_watermark '{text}' is not a number, but column '{cursor.name}' holds numbers.")


def _family(kind: pa.DataType) -> str:
    """What types have one order."""
    if pa.types.is_timestamp(kind):
        return "time with zone" if kind.tz else "time"
    if pa.types.is_date(kind):
        return "time"
    return "number" if natural_order(kind) else str(kind)
