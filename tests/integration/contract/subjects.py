"""The source types that keep the contract, each with a table or endpoint whose rows a test writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from localhost.services import LocalServices
from tests.api_server import ApiServer, Handler, Reply, Request, by_offset, requiring
from tests.conftest import unique_name

Row = Mapping[str, Any]

PASSWORD = "canary-7f3e"  # in every secret that is wrong on purpose
TOKEN = "t0ken-of-the-contract"
CLOSED_PORT = 1
_COLUMNS: dict[str, Any] = {
    "id": sa.BigInteger,
    "changed": sa.DateTime(timezone=True),
    "name": sa.Text,
    "note": sa.Text,
}


def moment(day: int) -> datetime:
    """A day of January 2026, as the sources give it."""
    return datetime(2026, 1, day, 8, tzinfo=timezone.utc)


def row(number: int, day: int, name: str = "thing", **more: Any) -> Row:
    """A row of the table that every source has."""
    return {"id": number, "changed": moment(day), "name": f"{name} {number}", **more}


class Subject(Protocol):
    """A table or endpoint of one source type."""

    cells: Mapping[str, object]
    """What a row of the workbook says to read it."""
    secret: Mapping[str, Any]
    """The connection of its source."""
    rejected: Mapping[str, Any] | None
    """A connection that the source does not accept; None where it asks for no proof."""
    unreachable: Mapping[str, Any] | None
    """A connection to where nothing answers; None where the source is a file."""

    def write(self, rows: Sequence[Row], columns: Sequence[str] = ("id", "changed", "name")) -> None:
        """Make these rows, with these columns, all that the source has."""


class SqlTable:
    """A table of a database that SQLAlchemy knows."""

    def __init__(self, engine: sa.Engine, schema: str, secret: Mapping[str, Any]) -> None:
        self.name = unique_name()
        self.cells: Mapping[str, object] = {"source_type": "PostgreSQL", "schema_name": schema, "table_name": self.name}
        self.secret = secret
        is_server = "host" in secret
        self.rejected: Mapping[str, Any] | None = {**secret, "password": PASSWORD} if is_server else None
        self.unreachable: Mapping[str, Any] | None = (
            {**secret, "port": CLOSED_PORT, "password": PASSWORD} if is_server else None
        )
        self._engine = engine
        self._schema = schema

    def write(self, rows: Sequence[Row], columns: Sequence[str] = ("id", "changed", "name")) -> None:
        metadata = sa.MetaData(schema=self._schema)
        table = sa.Table(self.name, metadata, *(sa.Column(name, _COLUMNS[name], nullable=False) for name in columns))
        metadata.drop_all(self._engine)
        metadata.create_all(self._engine)
        if rows:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(table), [dict(one) for one in rows])


class Endpoint:
    """An endpoint of an API that asks for a token, pages by offset, and filters by time where it is asked to."""

    def __init__(self, server: ApiServer) -> None:
        path = f"/{unique_name()}"
        self.cells: Mapping[str, object] = {
            "source_type": "API",
            "schema_name": None,
            "table_name": None,
            "api_endpoint": path,
            "pagination_type": "offset",
            "api_page_size": 3,
            "api_total_path": "total",
            "api_cursor_filter_param": "since",
            "parallelism": 2,
        }
        self.secret: Mapping[str, Any] = {"base_url": server.url, "auth": "bearer", "token": TOKEN}
        self.rejected: Mapping[str, Any] | None = {**self.secret, "token": PASSWORD}
        self.unreachable: Mapping[str, Any] | None = {
            **self.secret,
            "token": PASSWORD,
            "base_url": f"http://127.0.0.1:{CLOSED_PORT}",
        }
        self._rows: list[dict[str, Any]] = []
        answer: Handler = requiring(self._answer, authorization=f"Bearer {TOKEN}")
        server.endpoints[path] = answer

    def write(self, rows: Sequence[Row], columns: Sequence[str] = ("id", "changed", "name")) -> None:
        as_json = [{name: one[name] for name in columns} for one in rows]
        self._rows = [one | {"changed": one["changed"].isoformat()} for one in as_json]

    def _answer(self, request: Request) -> Reply:
        since = request.params.get("since", "")
        new = [one for one in self._rows if one["changed"].replace("+00:00", "Z") >= since]
        return by_offset(new)(request)


class Subjects:
    """Makes a subject of each source type, on servers and files that a module shares."""

    def __init__(self, postgresql: Mapping[str, Any], sqlite: Path, api: ApiServer) -> None:
        self._postgresql = postgresql
        self._sqlite = sqlite
        self._api = api

    def make(self, source_type: str) -> Subject:
        """A new table or endpoint of one of `SOURCE_TYPES`."""
        if source_type == "API":
            return Endpoint(self._api)
        if source_type == "SQLAlchemy":
            file = f"sqlite:///{self._sqlite}"
            return SqlTable(sa.create_engine(file, poolclass=sa.NullPool), "main", {"url": file})
        parts = dict(self._postgresql)
        server = sa.URL.create("postgresql+psycopg", **parts)
        return SqlTable(sa.create_engine(server, poolclass=sa.NullPool), "public", parts)


SOURCE_TYPES = ("PostgreSQL", "SQLAlchemy", "API")
"""PostgreSQL by its Arrow driver, any other database through SQLAlchemy (here SQLite), and a REST API."""


@contextmanager
def subjects(services: LocalServices, folder: Path) -> Iterator[Subjects]:
    """The servers and files that the subjects stand on."""
    name, server = unique_name(), services.postgres
    server.create_database(name)
    connection = {"host": server.host, "port": server.port, "username": server.user, "password": server.password}
    with ExitStack() as stack:
        yield Subjects({**connection, "database": name}, folder / "contract.db", stack.enter_context(ApiServer()))
