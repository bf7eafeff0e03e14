"""Whether all that the source has was read: its own count, and the sums of its numbers where the job asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from shared.errors.hierarchy import ReconciliationError
from shared.sources.table_read import TableRead

_DIGITS = 76  # of decimal256; the sum of a batch of 38 digits fits


@dataclass
class Tally:
    """The rows of a read, and the exact sums of its whole and decimal numbers where the job verifies them.

    Floating-point columns have no sum here: it would depend on the order in which their values are added.
    """

    read: TableRead
    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.read.job.verify == "SUMS":
            self.sums = {column.name: Decimal() for column in self.read.columns if _has_exact_sum(column.type)}

    def add(self, table: pa.Table) -> None:
        """Count a part of what was read."""
        self.rows += table.num_rows
        with localcontext(Context(prec=2 * _DIGITS)):
            for name in self.sums:
                self.sums[name] += _sum(table.column(name))

    def compare(self, connection: sa.Connection, query: sa.Select[Any]) -> None:
        """Ask the source for the same figures, in the same snapshot and of the same query.

        Raises:
            ReconciliationError: one of them differs.
        """
        columns = [self.read.column(name) for name in self.sums]
        counted, *summed = self.read.database.recount(connection, query, columns)
        if counted != self.rows:
            raise self._error(f"the source counts {counted} rows and {self.rows} were read")
        for (name, read), total in zip(self.sums.items(), summed, strict=True):
            # a database without decimals of its own, such as SQLite, answers with a floating-point number
            if not isinstance(total, float) and _added(total) != read:
                sums = f"{total} at the source and to {read}"
                if name in self.read.masked:  # of one row the sum is the value
                    sums = "one number at the source and to another"
                raise self._error(f"column '{name}' adds up to {sums} as it was read")

    def _error(self, difference: str) -> ReconciliationError:
        asked = "SUMS" if self.sums else "Y"
        return ReconciliationError(
            f"Table '{self.read.table.fullname}': {difference} (verify = {asked}); the load was not committed and the "
            "table is as it was before."
        )


def _added(total: Any) -> Decimal:
    """The sum that the source answered: a number, or a text of numbers that add up to more digits than it has."""
    with localcontext(Context(prec=2 * _DIGITS)):
        return sum(map(Decimal, total.split()), Decimal()) if isinstance(total, str) else Decimal(total or 0)


def _has_exact_sum(arrow_type: pa.DataType) -> bool:
    return pa.types.is_integer(arrow_type) or pa.types.is_decimal128(arrow_type)


def _sum(column: pa.ChunkedArray[Any]) -> Decimal:
    scale = column.type.scale if isinstance(column.type, pa.Decimal128Type) else 0
    total: Any = pc.sum(column.cast(pa.decimal256(_DIGITS, scale)))
    return Decimal(total.as_py() or 0)
