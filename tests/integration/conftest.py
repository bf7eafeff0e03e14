"""A database of PostgreSQL that the tests of a module share, with tables of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from localhost.services import LocalServices
from tests.conftest import unique_name


@pytest.fixture(scope="module")
def database_name(services: LocalServices) -> str:
    """A database that the tests of a module share."""
    name = unique_name()
    services.postgres.create_database(name)
    return name


@pytest.fixture(scope="module")
def sql(services: LocalServices, database_name: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to that database, to which times without a zone are UTC; every statement commits."""
    with services.postgres.connect(database_name, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection


@pytest.fixture
def table() -> str:
    """The name of a table that does not exist yet, in the schema that is searched first."""
    return unique_name()
