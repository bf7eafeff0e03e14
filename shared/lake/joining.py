"""The rows of some Parquet files in one file: values and types as they are, a row group at a time.

Columns that came later are empty in the rows of older files, as a reader of all files finds them. Files in which a
column has another type are not joined: what it is to readers is theirs to say.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

log = logging.getLogger(__name__)

_BATCH_BYTES = 8 * 1024 * 1024  # of rows as they are read
_GROUP_BYTES = 32 * 1024 * 1024  # of rows that are written as one row group


def join_files(sources: Sequence[Path], folder: Path) -> Iterator[tuple[Path, list[int]]]:
    """Write the rows of some files into as few as their columns allow.

    Args:
        sources: The files.
        folder: For the new ones.

    Returns:
        Each new file, with the numbers of the files whose rows it has. A file that no other fits is left out.
    """
    schemas = [pq.read_schema(source) for source in sources]
    for number, numbers in enumerate(_that_fit(schemas)):
        if len(numbers) == 1:
            continue
        target = folder / f"joined-{number}.parquet"
        _write([sources[one] for one in numbers], _common([schemas[one] for one in numbers]), target)
        new = _stored(target)
        if any(new[column] != how for one in numbers for column, how in _stored(sources[one]).items()):
            log.warning(
                "%d files are not joined: their columns would be stored in another way. %s %s",
                len(numbers),
                new,
                [_stored(sources[n]) for n in numbers],
            )
            continue
        yield target, numbers


def _that_fit(schemas: Iterable[pa.Schema]) -> list[list[int]]:
    """The files whose columns have the same types where they have them."""
    groups: list[tuple[dict[str, pa.DataType], list[int]]] = []
    for number, schema in enumerate(schemas):
        columns = {field.name: _plain(field.type) for field in schema}
        for known, numbers in groups:
            if all(known.get(name, kind) == kind for name, kind in columns.items()):
                known |= columns
                numbers.append(number)
                break
        else:
            groups.append((columns, [number]))
    return [numbers for _, numbers in groups]


def _stored(file: Path) -> dict[str, tuple[object, ...]]:
    """How each column of a file is stored, by its path."""
    schema = pq.read_metadata(file).schema
    columns = (schema.column(number) for number in range(len(schema)))
    return {
        column.path: (
            column.physical_type,
            str(column.logical_type),
            column.length,
            column.precision,
            column.scale,
            column.max_repetition_level,
        )
        for column in columns
    }


def _write(sources: Sequence[Path], schema: pa.Schema, target: Path) -> None:
    waiting: list[pa.Table] = []
    size = 0
    with pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=False) as writer:
        for source in sources:
            for batch in _batches(source):
                waiting.append(_fitted(batch, schema))
                size += waiting[-1].nbytes
                if size >= _GROUP_BYTES:
                    writer.write_table(pa.concat_tables(waiting))
                    waiting.clear()
                    size = 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _batches(source: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(source) as file:
        rows, size = file.metadata.num_rows, sum(_group_bytes(file.metadata))
        for batch in file.iter_batches(batch_size=max(1, rows * _BATCH_BYTES // max(size, 1))):
            yield pa.Table.from_batches([batch])


def _group_bytes(metadata: pq.FileMetaData) -> Iterator[int]:
    return (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))


def _common(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """The columns of all, in the order in which they came; those that may be empty anywhere may be so."""
    found: dict[str, pa.Field[pa.DataType]] = {}
    for number, schema in enumerate(schemas):
        for field in schema:
            known = found.get(field.name)
            # a column that came later is empty in the rows before
            is_nullable = field.nullable or (known.nullable if known else number > 0)
            found[field.name] = pa.field(field.name, known.type if known else _plain(field.type), is_nullable)
        gone = set(found) - set(schema.names)
        found |= {name: found[name].with_nullable(True) for name in gone}
    return pa.schema(list(found.values()))


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type without what Arrow alone knows of it: that it had offsets of 64 bits, or a dictionary in memory."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_binary(kind):
        return pa.binary()
    return kind


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
