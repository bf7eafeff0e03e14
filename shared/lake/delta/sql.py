"""Names, values and ranges in the SQL that Delta's predicates are written in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Any

import pyarrow as pa

from shared.jobs.value_range import ValueRange

_DECIMAL_DIGITS = 80  # more than any decimal128 has


def predicate(within: ValueRange, schema: pa.Schema) -> str:
    """The rows of a range in Delta's SQL; `schema` is that of the rows that take their place."""
    column, arrow_type = quoted(within.column), schema.field(within.column).type
    return f"{column} >= {_literal(within.start, arrow_type)} AND {column} < {_literal(within.end, arrow_type)}"


def _literal(value: Any, arrow_type: pa.DataType) -> str:
    """A value in Delta's SQL; plain texts are read as dates and times where the column holds such."""
    if isinstance(arrow_type, pa.Decimal128Type):
        with localcontext(Context(prec=_DECIMAL_DIGITS)):
            # what a column of so many decimals can hold is not below the value exactly if it is not below this one
            exact = Decimal(value).quantize(Decimal(1).scaleb(-arrow_type.scale), ROUND_CEILING)
        return f"arrow_cast('{exact:f}', 'Decimal128({arrow_type.precision}, {arrow_type.scale})')"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime) and value.tzinfo:
        moment = value.astimezone(UTC).isoformat()
        return f"arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column name as an identifier of Delta's SQL predicates."""
    return '"' + name.replace('"', '""') + '"'
