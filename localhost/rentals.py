"""The example database of docs/first-hour.md: a shop that rents films, in 20 tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from psycopg.errors import DuplicateDatabase

from localhost.local_app import LocalApp

SOURCE = "rentals_pg"
"""The source_name of the example database."""

_DATABASE = "rentals"
_SCRIPT = Path(__file__).with_suffix(".sql")
_LAST_TABLE = "visit"


def put_rentals(app: LocalApp) -> None:
    """Make the database unless it is there, and store its connection, so that a workbook can name it at once."""
    server = app.services.postgres
    with suppress(DuplicateDatabase):
        server.create_database(_DATABASE)
    with server.connect(_DATABASE) as connection:  # one transaction: an interrupted attempt leaves no table
        if connection.execute("SELECT to_regclass(%s)", [_LAST_TABLE]).fetchone() == (None,):
            connection.execute(_SCRIPT.read_bytes())
    app.put_source(SOURCE, {"dialect": "postgresql", **app.postgres_connection(_DATABASE)})
