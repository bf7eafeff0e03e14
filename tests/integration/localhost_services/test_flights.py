"""The demo's data in PostgreSQL."""

from __future__ import annotations

from datetime import date

from localhost.flights import insert_flights, load_flights
from localhost.services import LocalServices


def test_the_year_arrives_in_two_parts_that_do_not_overlap(services: LocalServices, database: str) -> None:
    with services.postgres.connect(database) as connection:
        first = load_flights(connection, until=date(2013, 10, 31))
        newest = connection.execute("SELECT max(scheduled_at) FROM nyc.flights").fetchone()
        later = insert_flights(connection, after=date(2013, 10, 31))
        assert (first, later) == (281_373, 55_403)
        counted = connection.execute(
            "SELECT count(*), count(DISTINCT flight_id), count(*) FILTER (WHERE scheduled_at > %s) FROM nyc.flights",
            newest,
        ).fetchone()
        assert counted == (336_776, 336_776, later)


def test_every_table_is_complete_and_missing_values_are_null(services: LocalServices, database: str) -> None:
    with services.postgres.connect(database) as connection:
        load_flights(connection, until=date(2013, 1, 1))
        counts = {
            table: connection.execute(f"SELECT count(*) FROM nyc.{table}").fetchone()
            for table in ("airlines", "airports", "planes", "weather", "flights")
        }
        assert counts == {
            "airlines": (16,),
            "airports": (1_458,),
            "planes": (3_322,),
            "weather": (26_115,),
            "flights": (842,),
        }
        unknown_speed = connection.execute("SELECT count(*) FROM nyc.planes WHERE speed IS NULL").fetchone()
        assert unknown_speed == (3_299,)


def test_loading_again_starts_from_nothing(services: LocalServices, database: str) -> None:
    with services.postgres.connect(database) as connection:
        load_flights(connection, until=date(2013, 1, 2))
        assert load_flights(connection, until=date(2013, 1, 1)) == 842
        assert connection.execute("SELECT count(*) FROM nyc.flights").fetchone() == (842,)
