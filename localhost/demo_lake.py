"""What the demo finds in the lake afterwards, read as by a user who knows Parquet and nothing of the app."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.storage.blob import ContainerClient

from localhost.demo_workbook import CARRIERS, FOLDER, TABLES
from localhost.flights import SCHEMA
from localhost.services import Postgres

COMPARED_COLUMNS = ("Airline", "Flights", "An hour late or more", "Miles", "Last departure (UTC)")
COMPARISON = f"""\
SELECT a.name, count(*), count(*) FILTER (WHERE f.dep_delay >= 60), sum(f.distance),
       CAST(max(f.scheduled_at) AT TIME ZONE 'UTC' AS varchar)
FROM {SCHEMA}.flights AS f JOIN {SCHEMA}.airlines AS a USING (carrier)
GROUP BY a.name ORDER BY 2 DESC, 1"""
"""The same text for PostgreSQL and for DuckDB over the Parquet files; nothing in it is rounded."""

_ONCE = f"SELECT count(*), count(DISTINCT flight_id) FROM {SCHEMA}.flights"

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class LakeFile:
    """A blob of the lake with its size in bytes."""

    name: str
    size: int

    @property
    def table(self) -> str | None:
        """The table whose rows it holds; None for what dlt notes down beside them."""
        folders = self.name.split("/")
        return folders[-2] if folders[-1].endswith(".parquet") and folders[-2] in (*TABLES, CARRIERS) else None


def lake_files(lake: ContainerClient) -> list[LakeFile]:
    """Every file below the demo's folder, by name."""
    blobs = lake.list_blobs(f"{FOLDER}/")
    return sorted((LakeFile(blob.name, blob.size) for blob in blobs if blob.size), key=lambda file: file.name)


def download(lake: ContainerClient, files: Iterable[LakeFile], folder: Path) -> None:
    """Copy the tables' Parquet files to a folder for each table."""
    for file in files:
        if file.table:
            target = folder / file.table / Path(file.name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(lake.download_blob(file.name).readall())


def ask_lake(folder: Path) -> tuple[Rows, tuple[int, int]]:
    """The comparison over the copied files, and how many flights are there: all, and different ones."""
    import duckdb  # heavy, and of no use to the other commands

    with duckdb.connect() as database:
        database.execute(f"CREATE SCHEMA {SCHEMA}; USE {SCHEMA}")
        for table in TABLES:
            database.read_parquet(str(folder / table / "*.parquet"), union_by_name=True).create_view(table)
        rows = database.execute(COMPARISON).fetchall()
        every, different = database.execute(_ONCE).fetchall()[0]
    return rows, (every, different)


def ask_postgres(server: Postgres) -> tuple[Rows, tuple[int, int]]:
    """The same of the source."""
    with server.connect() as connection:
        rows = connection.execute(COMPARISON.encode()).fetchall()
        every, different = connection.execute(_ONCE.encode()).fetchall()[0]
    return rows, (every, different)


def table_counts(server: Postgres) -> dict[str, int]:
    """The number of rows of each of the demo's tables at the source."""
    with server.connect() as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {SCHEMA}.{table}".encode()).fetchall()[0][0]
            for table in TABLES
        }
