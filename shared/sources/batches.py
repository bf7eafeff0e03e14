"""Batches that are bounded by bytes for any content of the rows: memory stays flat beside long texts and binaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from shared.sources.arrow import Batch
from shared.sources.columns import ReadColumn

BATCH_BYTES = 8 * 1024 * 1024
"""What one batch holds at most, but for its last fetch; several are in memory at once."""

LONG_BATCH_BYTES = BATCH_BYTES // 2
"""The same beside columns whose values have no bound: drivers have such a value several times while they read it."""

_LONG_STEP = 64  # rows of a fetch with such a column


def bounded_for(
    columns: Sequence[ReadColumn], fetch: Callable[[int], Batch], rows: int, step: int
) -> Iterator[pa.Table]:
    """As `bounded`, by what the columns may hold; `step` counts where every value has a bound."""
    if any(column.is_long for column in columns):
        return bounded(fetch, rows, min(step, _LONG_STEP), LONG_BATCH_BYTES)
    return bounded(fetch, rows, step)


def bounded(fetch: Callable[[int], Batch], rows: int, step: int, batch_bytes: int = BATCH_BYTES) -> Iterator[pa.Table]:
    """What `fetch` gives, in tables of so many rows or bytes, whichever comes first.

    The number of rows of a fetch follows the bytes that rows have had so far: it doubles at most, and never exceeds
    `step`, so that long values after many short ones cost one fetch of `step` rows at most.

    Args:
        fetch: Returns the next rows, at most as many as it is asked for, and none after the last.
        rows: The rows of a table at most.
        step: The rows of a fetch at most.
        batch_bytes: The bytes of a table, above which it takes no further fetch.
    """
    held: list[pa.Table] = []
    count = size = 0
    asked = min(step, rows, _FIRST)
    while True:
        batch = fetch(min(asked, rows - count))
        if batch.num_rows == 0:
            break
        held.append(batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch]))
        count += batch.num_rows
        size += batch.nbytes
        if count >= rows or size >= _FULL * batch_bytes:
            yield pa.concat_tables(held)
            held, count, size = [], 0, 0
        room = (batch_bytes - size) * batch.num_rows // max(batch.nbytes, 1)
        asked = max(1, min(2 * asked, step, room))
    if held:
        yield pa.concat_tables(held)


_FIRST = 4  # rows of the first fetch, when nothing is known of their size
_FULL = 7 / 8  # of the bytes of a table: what is left is not worth a fetch
