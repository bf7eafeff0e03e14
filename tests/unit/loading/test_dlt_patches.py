"""What is changed in dlt: its checks of schemas find types once, and what waits to be written is small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common import validation
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.common.exceptions import DictValidationException
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema.typing import TColumnSchema, TTableSchema
from typing_extensions import get_type_hints

from shared.loading.dlt_patches import BUFFER_BYTES, PlainParquetWriter, flush_by_bytes, keep_type_hints


@pytest.mark.parametrize("spec", [TColumnSchema, TTableSchema])
def test_the_types_are_dlts_own_and_are_looked_up_once(spec: type) -> None:
    keep_type_hints()
    known = vars(validation)["get_type_hints"]
    assert known(spec) == get_type_hints(spec)
    assert known(spec) is known(spec)


def test_a_wrong_schema_is_still_refused() -> None:
    keep_type_hints()
    with pytest.raises(DictValidationException, match="unexpected fields"):
        validation.validate_dict(TColumnSchema, {"name": "id", "colour": "red"}, "column")


def test_what_waits_to_be_written_is_bounded_by_bytes_and_not_by_rows(tmp_path: Path) -> None:
    flush_by_bytes()
    table = pa.table({"id": range(4), "text": ["x" * 1024 * 1024] * 4})
    columns = py_arrow_to_table_schema_columns(table.schema)
    writer = BufferedDataWriter[Any](PlainParquetWriter.writer_spec(), str(tmp_path / "%s"))
    waiting = []
    with writer:
        for _ in range(12):
            writer.write_data_item(table, columns)
            waiting.append(sum(kept.nbytes for kept in writer._buffered_items))
    assert 0 < max(waiting) <= BUFFER_BYTES
    assert sum(pq.read_metadata(file.file_path).num_rows for file in writer.closed_files) == 48
