"""Batches that are bounded by bytes, whatever the rows hold: memory stays flat beside long texts and binaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from shared.sources.arrow import Batch

BATCH_BYTES = 8 * 1024 * 1024
"""What one batch holds at most, but for its last fetch; several are in memory at once."""


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
        room = batch_bytes * batch.num_rows // max(batch.nbytes, 1)
        asked = max(1, min(2 * asked, step, room))
        if count >= rows or size >= batch_bytes:
            yield pa.concat_tables(held)
            held, count, size = [], 0, 0
    if held:
        yield pa.concat_tables(held)


_FIRST = 16  # rows of the first fetch, when nothing is known of their size
