"""dlt's writer of Arrow tables to Parquet, without dictionaries; the figures stand in docs/performance.md."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common import validation
from dlt.common.data_writers.writers import WRITER_SPECS, ArrowToParquetWriter


class PlainParquetWriter(ArrowToParquetWriter):
    """Writes values as they are: building dictionaries takes a fifth of a load's CPU, and zstd finds repeats anyway."""

    def _create_writer(self, schema: pa.Schema) -> pq.ParquetWriter:
        own: Any = self.parquet_format
        return pq.ParquetWriter(self._f, schema, version=own.version, compression=own.compression, use_dictionary=False)


def use_plain_parquet() -> None:
    """Let dlt write every Arrow table with `PlainParquetWriter`: it has no setting for dictionaries."""
    WRITER_SPECS[ArrowToParquetWriter.writer_spec()] = PlainParquetWriter


_look_up = validation.get_type_hints  # type: ignore[attr-defined]  # as it is before anybody replaces it


def keep_type_hints() -> None:
    """Let `validate_dict` find the types of a dictionary's fields where they were found before."""
    validation.get_type_hints = _kept  # type: ignore[attr-defined,assignment]


def _kept(spec: type[Any], globalns: dict[str, Any] | None = None) -> dict[str, Any]:
    """As `typing.get_type_hints`; the names that a class knows are always those of its module."""
    if spec not in _hints:
        _hints[spec] = _look_up(spec, globalns=globalns)
    return _hints[spec]


_hints: dict[type[Any], dict[str, Any]] = {}
