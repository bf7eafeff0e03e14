"""Databases without a reader of their own, read through SQLAlchemy; SQLite represents all of them."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from shared.errors.hierarchy import ConfigurationError
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.batches import LONG_BATCH_BYTES
from shared.sources.fallback import FallbackSource
from shared.sources.source import ReadOptions
from tests.builders import a_job
from tests.integration.sources.conftest import Lake


def test_another_database_is_read_through_sqlalchemy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, at TIMESTAMP NOT NULL, raw BLOB)")
        connection.execute(
            "INSERT INTO orders VALUES (1, 'ä', '2024-01-01 00:00:00', x'00ff'), (2, NULL, '2024-01-02', NULL)"
        )
    lake = Lake(tmp_path, Secret({"url": f"sqlite:///{file}"}))
    settings = {"schema_name": None, "load_type": "INCREMENTAL", "watermark_column": "id"}
    with caplog.at_level(logging.WARNING):
        loaded = lake.load(a_job(**settings))
    assert "has no Arrow reader" in caplog.text
    assert loaded.column("name").to_pylist() == ["ä", None]
    assert loaded.column("raw").to_pylist() == [b"\x00\xff", None]
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO orders VALUES (3, 'x', '2024-01-03', NULL)")
    assert set(lake.load(a_job(**settings)).column("id").to_pylist()) == {1, 2, 3}


@pytest.mark.parametrize(("size", "rows"), [(1_000_000, 60), (10, 5000)])
def test_batches_are_bounded_by_bytes_and_by_chunk_size(tmp_path: Path, size: int, rows: int) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, empty TEXT, document TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, NULL, ?)", ((n, "x" * size) for n in range(rows)))
    job = a_job(schema_name=None, chunk_size=2000)
    source = FallbackSource(job, Secret({"url": f"sqlite:///{file}"}), ReadOptions())
    with source._explaining():
        read = source._table_read(source._reflect(source._engine))
        with source.snapshot(read.table, 1) as snapshot:
            found = list(snapshot.read(read.query(None, None), read.columns))
    assert [value for batch in found for value in batch["id"].to_pylist()] == list(range(rows))
    assert {batch["empty"].null_count - batch.num_rows for batch in found} == {0}
    assert max(batch.num_rows for batch in found) <= 2000
    assert max(batch.nbytes for batch in found) < LONG_BATCH_BYTES + 8 * 1_000_100  # its last fetch
    assert len(found) <= rows * size // LONG_BATCH_BYTES + 4


def test_a_driver_that_is_not_installed_is_said() -> None:
    secret = Secret({"url": "mysql+nothing://user:canary-1@host/db"})
    with pytest.raises(ConfigurationError, match="SQLAlchemy URL, whose driver is installed") as caught:
        open_source(a_job(), secret, ReadOptions())
    assert "canary-1" not in str(caught.value)
