"""What is changed in dlt: it looks up once what does not change, and what waits to be written is small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common import validation
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.exceptions import DictValidationException
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema, TTableSchema
from dlt.common.storages import LiveSchemaStorage, SchemaStorage, SchemaStorageConfiguration
from typing_extensions import get_type_hints

from shared.loading.dlt_patches import (
    BUFFER_BYTES,
    PlainParquetWriter,
    count_fields_once,
    flush_by_bytes,
    keep_schemas,
    keep_type_hints,
    use_plain_parquet,
)


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


def test_long_values_are_written_without_statistics_that_parquet_would_drop(tmp_path: Path) -> None:
    use_plain_parquet()
    columns = {"id": [1, 2], "a.b": ["x", "y"], "long": ["x" * 5000, "y" * 5000], "raw": [b"x" * 5000, None]}
    table = pa.table({**columns, "nothing": pa.nulls(2, pa.string())})
    with BufferedDataWriter[Any](PlainParquetWriter.writer_spec(), str(tmp_path / "%s")) as writer:
        writer.write_data_item(table, py_arrow_to_table_schema_columns(table.schema))
    [file] = writer.closed_files
    assert pq.read_table(file.file_path) == table
    group = pq.read_metadata(file.file_path).row_group(0)
    described = [group.column(n) for n in range(group.num_columns)]
    with_statistics = {column.path_in_schema for column in described if column.is_stats_set}
    assert with_statistics == {"id", "a.b", "raw", "nothing"}


@pytest.fixture
def schemas(tmp_path: Path) -> LiveSchemaStorage:
    """A folder with the schema `orders`."""
    keep_schemas()
    storage = LiveSchemaStorage(SchemaStorageConfiguration(schema_volume_path=str(tmp_path)), makedirs=True)
    storage.save_schema(Schema("orders"))
    return storage


@pytest.fixture
def reads(schemas: LiveSchemaStorage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the schemas that were read from the folder."""
    names: list[str] = []
    load = SchemaStorage.load_schema

    def noted(storage: SchemaStorage, name: str) -> Schema:
        names.append(name)
        return load(storage, name)

    monkeypatch.setattr(SchemaStorage, "load_schema", noted)
    return names


def with_a_table(name: str) -> Schema:
    schema = Schema("orders")
    schema.update_table({"name": name, "columns": {"id": {"name": "id", "data_type": "bigint"}}})
    return schema


def test_a_schema_is_read_once_as_long_as_it_stays_as_it_is(schemas: LiveSchemaStorage, reads: list[str]) -> None:
    assert [id(schemas["orders"]) for _ in range(3)] == [id(schemas["orders"])] * 3
    assert reads == ["orders"]


def test_a_schema_that_another_has_written_is_read_again(
    schemas: LiveSchemaStorage, reads: list[str], tmp_path: Path
) -> None:
    assert "lines" not in schemas["orders"].tables
    SchemaStorage(SchemaStorageConfiguration(schema_volume_path=str(tmp_path))).save_schema(with_a_table("lines"))
    assert "lines" in schemas["orders"].tables
    assert len(reads) == 2


def test_a_schema_whose_change_was_taken_back_is_as_its_file_says(schemas: LiveSchemaStorage) -> None:
    kept = schemas["orders"]
    changed = with_a_table("lines")
    changed._bump_version()
    schemas.set_live_schema(changed)
    assert not kept.is_modified, "dlt takes it for the one in the file"
    assert "lines" not in schemas["orders"].tables


def test_a_change_that_is_not_written_yet_is_not_lost(schemas: LiveSchemaStorage) -> None:
    schemas["orders"].update_table({"name": "lines", "columns": {}})
    assert "lines" in schemas["orders"].tables


def test_a_schema_is_read_again_for_another_destination(schemas: LiveSchemaStorage) -> None:
    before = schemas["orders"].naming.max_length
    able = DestinationCapabilitiesContext()
    able.max_identifier_length = able.max_column_identifier_length = 63
    with Container().injectable_context(able):
        assert schemas["orders"].naming.max_length == 63
    assert schemas["orders"].naming.max_length == before


def test_a_configuration_has_as_many_fields_as_dlt_counts() -> None:
    kinds = [DestinationCapabilitiesContext, SchemaStorageConfiguration, BaseConfiguration]
    counted = [sum(1 for _ in iter(kind())) for kind in kinds]
    count_fields_once()
    assert [len(kind()) for kind in kinds] == counted
    assert len(set(counted)) == len(kinds)
