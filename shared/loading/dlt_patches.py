"""What dlt has no settings for: how Arrow tables become Parquet, and how much of them waits for that in memory.

The figures are in docs/performance.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common import validation
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.common.data_writers.writers import WRITER_SPECS, ArrowToParquetWriter
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.common.storages import LiveSchemaStorage

STATISTICS_BYTES = 4096
"""Of a value. Parquet drops a row group's smallest and greatest value where they are longer."""


class PlainParquetWriter(ArrowToParquetWriter):
    """Writes values as they are: building dictionaries takes a fifth of a load's CPU, and zstd finds repeats anyway.

    Long values have no statistics: to compare and copy those takes five times as much CPU as the writing.
    """

    _long: frozenset[str] = frozenset()  # the columns of the first rows whose values are long

    def write_data(self, items: Sequence[Any]) -> None:
        if not self.writer:
            self._long = _long_columns(items)
        super().write_data(items)

    def _create_writer(self, schema: pa.Schema) -> pq.ParquetWriter:
        own: Any = self.parquet_format
        statistics: Any = [name for name in schema.names if name not in self._long] if self._long else True
        return pq.ParquetWriter(
            self._f,
            schema,
            version=own.version,
            compression=own.compression,
            use_dictionary=False,
            write_statistics=statistics,
        )


def _long_columns(items: Sequence[pa.Table | pa.RecordBatch]) -> frozenset[str]:
    """The columns whose values take more than `STATISTICS_BYTES` each on average."""
    size: Counter[str] = Counter()
    for item in items:
        size.update({name: item.column(n).nbytes for n, name in enumerate(item.schema.names)})
    bound = STATISTICS_BYTES * sum(item.num_rows for item in items)
    return frozenset(name for name, taken in size.items() if taken > bound > 0)


def use_plain_parquet() -> None:
    """Let dlt write every Arrow table with `PlainParquetWriter`: it has no setting for dictionaries."""
    WRITER_SPECS[ArrowToParquetWriter.writer_spec()] = PlainParquetWriter


BUFFER_BYTES = 8 * 1024 * 1024
"""What dlt keeps of Arrow tables before it writes them: it counts rows, and five thousand may be gigabytes."""

_write_item = BufferedDataWriter.write_data_item  # as it is before it is replaced


def flush_by_bytes() -> None:
    """Let dlt write what it keeps as soon as that is more than `BUFFER_BYTES`."""
    BufferedDataWriter.write_data_item = _write_and_flush  # type: ignore[method-assign,assignment]


def _write_and_flush(writer: BufferedDataWriter[Any], item: Any, columns: Any) -> int:
    rows = _write_item(writer, item, columns)
    if sum(getattr(kept, "nbytes", 0) for kept in writer._buffered_items) > BUFFER_BYTES:
        writer._flush_items()
    return rows


_look_up = validation.get_type_hints  # type: ignore[attr-defined]  # as it is before it is replaced


def keep_type_hints() -> None:
    """Let `validate_dict` find the types of a dictionary's fields where they were found before."""
    validation.get_type_hints = _kept  # type: ignore[attr-defined,assignment]


def _kept(spec: type[Any], globalns: dict[str, Any] | None = None) -> dict[str, Any]:
    """As `typing.get_type_hints`; the names that a class knows are always those of its module."""
    if spec not in _hints:
        _hints[spec] = _look_up(spec, globalns=globalns)
    return _hints[spec]


_hints: dict[type[Any], dict[str, Any]] = {}


_read_schema = LiveSchemaStorage.__getitem__  # as it is before it is replaced


def keep_schemas() -> None:
    """Let a pipeline read its schema again only if that has changed: dlt does at each look, a dozen times a load."""
    LiveSchemaStorage.__getitem__ = _kept_schema  # type: ignore[method-assign]


def _kept_schema(storage: LiveSchemaStorage, name: str) -> Schema:
    read: dict[str, tuple[object, ...]] = vars(storage).setdefault("read", {})
    live = storage.live_schemas.get(name)
    if live is not None and name in read and read[name] == _origin(storage, live):
        return live
    live = _read_schema(storage, name)
    read[name] = _origin(storage, live)
    return live


def _origin(storage: LiveSchemaStorage, schema: Schema) -> tuple[object, ...]:
    """What a schema that is read follows from: its file, and what the destination can name and nest."""
    file = Path(storage.storage.make_full_path(storage._file_name_in_store(schema.name, "json")))
    stored = file.stat() if file.exists() else None
    able = Container().get(DestinationCapabilitiesContext)
    return (
        schema.stored_version_hash,
        stored and (stored.st_ino, stored.st_mtime_ns, stored.st_size),
        able and (able.naming_convention, able.max_identifier_length, able.max_column_identifier_length),
        able and able.max_table_nesting,
    )


def count_fields_once() -> None:
    """Let a configuration know how many fields it has: dlt counts them wherever it asks whether there is one."""
    BaseConfiguration.__len__ = _count  # type: ignore[method-assign]


_counts: dict[type[BaseConfiguration], int] = {}
_count_fields = BaseConfiguration.__len__  # as it is before it is replaced


def _count(configuration: BaseConfiguration) -> int:
    kind = type(configuration)
    if kind not in _counts:
        _counts[kind] = _count_fields(configuration)
    return _counts[kind]
