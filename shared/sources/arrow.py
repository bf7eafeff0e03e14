"""Arrow batches in exactly the types that the destination's schema names, or an error that names the column."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError
from shared.errors.texts import one_line

Batch = pa.RecordBatch | pa.Table
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"

_SHOWN = 60  # characters of a value in an error message
_SAFE_DIGITS = 38
CAST_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, InvalidOperation)


def conform(batch: Batch, schema: pa.Schema) -> pa.Table:
    """`batch` as a table of `schema`, column by column in their order, values unchanged.

    Extension types (PostgreSQL's numeric is one) become what they store: dlt refuses them.

    Raises:
        SourceError: a value does not fit its column's type.
    """
    columns = [_conform_column(batch.column(n), field) for n, field in enumerate(schema)]
    return pa.table(columns, schema=schema)


class UnfitError(SourceError):
    """A value cannot be carried by its column's type in the lake.

    Args:
        name: The column.
        value: The value; None does not show it, as of a masked column.
        arrow_type: The type.
    """

    def __init__(self, name: str, value: object, arrow_type: pa.DataType) -> None:
        self.name = name
        self.arrow_type = arrow_type
        held = "a value" if value is None else shown(value)
        super().__init__(
            f"Column '{name}' holds {held}, which does not fit {arrow_type}. "
            f"Name another type for it in column_types, for example {name}:text, and request a full refresh if the "
            "lake has the table already."
        )

    def without_value(self) -> UnfitError:
        """The same error for a reader who may not see the value."""
        return UnfitError(self.name, None, self.arrow_type)


def misfit(name: str, value: object, arrow_type: pa.DataType) -> UnfitError:
    """The error for a value that its column's type in the lake cannot carry."""
    return UnfitError(name, value, arrow_type)


def shown(value: object) -> str:
    """A value as an error message shows it."""
    return one_line(str(value), _SHOWN)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds texts, of either size."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _conform_column(column: Column, field: pa.Field[Any]) -> Column:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type.equals(field.type):
        return column
    try:
        return _cast(column, field.type)
    except CAST_ERRORS:
        value = first_failing(column, lambda part: _fits(part, field.type))
        raise misfit(field.name, value, field.type) from None


def _cast(column: Column, arrow_type: pa.DataType) -> Column:
    if pa.types.is_decimal128(arrow_type) and is_text(column.type):
        return cast_decimal_texts(column, arrow_type)
    options = pc.CastOptions(target_type=arrow_type, allow_time_truncate=True)  # the lake knows microseconds
    converted: Column = column.cast(None, options=options)
    return converted


def cast_decimal_texts(column: Column, arrow_type: pa.DataType) -> Column:
    """Texts of numbers as decimals. Raises ArrowInvalid and InvalidOperation for what does not fit."""
    converted: Column = _without_long_numbers(column, arrow_type).cast(arrow_type)
    return converted


def _without_long_numbers(column: Column, arrow_type: Any) -> Column:
    """Texts of numbers that fit 38 digits, with those that the scale adds.

    Arrow's cast takes longer ones for other numbers, without an error. Those are few, and are looked at one by one.
    """
    texts: Any = column
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= _SAFE_DIGITS - arrow_type.scale and not pc.any(pc.match_substring(texts, "E")).as_py():
        return column
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    digits = pc.binary_length(pc.replace_substring_regex(texts, "[-.]", ""))
    whole = pc.binary_length(pc.replace_substring_regex(texts, r"^-|\..*", ""))
    is_long: Any = pc.or_(
        pc.match_substring(texts, "E"),
        pc.or_(
            pc.greater(digits, pa.scalar(_SAFE_DIGITS)), pc.greater(whole, pa.scalar(_SAFE_DIGITS - arrow_type.scale))
        ),
    )
    is_long = pc.fill_null(is_long, pa.scalar(False))
    shortened = [_shortened(text, arrow_type) for text in pc.filter(texts, is_long).to_pylist()]
    safe: Column = pc.replace_with_mask(texts, is_long, pa.array(shortened, column.type))
    return safe


def _shortened(text: str, arrow_type: Any) -> str:
    """A number's text without zeros that its type does not need."""
    value = Decimal(text)
    with localcontext() as context:
        context.prec = len(text) + 2 * _SAFE_DIGITS
        fitting = value.quantize(Decimal(1).scaleb(-arrow_type.scale))
    if fitting != value or len(fitting.as_tuple().digits) > arrow_type.precision:
        raise pa.ArrowInvalid(f"{text[:_SHOWN]} does not fit")
    return f"{fitting:f}"


def first_failing(column: Column, passes: Callable[[Column], bool]) -> object:
    """The first value of a column that fails a test which the whole column fails, found by halving."""
    while len(column) > 1:
        half = len(column) // 2
        column = column.slice(half) if passes(column.slice(0, half)) else column.slice(0, half)
    return in_python(column[0])


def in_python(value: pa.Scalar[Any]) -> object:
    """A value as Python has it; its text if Python has none like it, such as a date before the year 1."""
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return value.cast(pa.string()).as_py()


def _fits(column: Column, arrow_type: pa.DataType) -> bool:
    try:
        _cast(column, arrow_type)
    except CAST_ERRORS:
        return False
    return True
