"""The source types that keep the contract, each with a table or endpoint whose rows a test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from localhost.services import LocalServices
from tests.api_server import ApiServer, Handler, Reply, Request, by_offset, requiring
from tests.conftest import unique_name
from tests.oracle_standin.service import OracleService
from tests.tds_standin.service import TdsService

Row = Mapping[str, Any]

PASSWORD = "canary-7f3e"  # in every secret that is wrong on purpose
TOKEN = "t0ken-of-the-contract"
CLOSED_PORT = 1
_COLUMNS: dict[str, Any] = {
    "id": sa.BigInteger,
    "changed": sa.DateTime(timezone=True),
    "name": sa.UnicodeText,
    "note": sa.UnicodeText,
}


def moment(day: int) -> datetime:
    """A day of January 2026, as the sources give it."""
    return datetime(2026, 1, day, 8, tzinfo=UTC)


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
    """A connection that the source does not accept; None if it asks for no proof."""
    unreachable: Mapping[str, Any] | None
    """A connection to where nothing answers; None if the source is a file."""

    def write(self, rows: Sequence[Row], columns: Sequence[str] = ("id", "changed", "name")) -> None:
        """Make these rows, with these columns, all that the source has."""


class SqlTable:
    """A table of a database that SQLAlchemy knows."""

    def __init__(
        self, engine: sa.Engine, schema: str, secret: Mapping[str, Any], source_type: str = "PostgreSQL"
    ) -> None:
        self.name = unique_name()
        self.cells: Mapping[str, object] = {"source_type": source_type, "schema_name": schema, "table_name": self.name}
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
    """An endpoint of an API that asks for a token, pages by offset, and filters by time if it is asked to."""

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
    """Makes a subject of each source type, on servers and files that all modules share.

    A server starts with the first subject that needs it.
    """

    def __init__(self, services: LocalServices, folder: Path, stack: ExitStack) -> None:
        self._services = services
        self._folder = folder
        self._stack = stack
        self._oracles: dict[str, OracleService] = {}

    def make(self, source_type: str) -> Subject:
        """A new table or endpoint of one of `SOURCE_TYPES`."""
        return SOURCE_TYPES[source_type](self)

    def endpoint(self) -> Subject:
        return Endpoint(self._api)

    def sqlite(self) -> Subject:
        file = f"sqlite:///{self._folder / 'contract.db'}"
        return SqlTable(sa.create_engine(file, poolclass=sa.NullPool), "main", {"url": file})

    def postgresql(self) -> Subject:
        server = sa.URL.create("postgresql+psycopg", **self._postgresql)
        return SqlTable(sa.create_engine(server, poolclass=sa.NullPool), "public", self._postgresql)

    def sqlserver(self, driver: str) -> Subject:
        server = self._sqlserver
        return SqlTable(server.engine(), server.schema, server.secret(driver), "MSSQL")

    def oracle(self, version: str) -> Subject:
        if version not in self._oracles:
            self._oracles[version] = self._stack.enter_context(OracleService(version))
        server = self._oracles[version]
        return SqlTable(server.engine(), server.schema.lower(), server.secret, "Oracle")

    @cached_property
    def _api(self) -> ApiServer:
        return self._stack.enter_context(ApiServer())

    @cached_property
    def _sqlserver(self) -> TdsService:
        return self._stack.enter_context(TdsService(self._folder))

    @cached_property
    def _postgresql(self) -> dict[str, Any]:
        name, server = unique_name(), self._services.postgres
        server.create_database(name)
        return server.secret(name)


SOURCE_TYPES: dict[str, Callable[[Subjects], Subject]] = {
    "PostgreSQL": Subjects.postgresql,
    "SQL Server by mssql-python": lambda made: made.sqlserver("mssql-python"),
    "SQL Server by pyodbc": lambda made: made.sqlserver("pyodbc"),
    "Oracle as 19": lambda made: made.oracle("19"),
    "Oracle as 23": lambda made: made.oracle("23"),
    "any database by SQLAlchemy": Subjects.sqlite,
    "API": Subjects.endpoint,
}
"""What a subject is, and how it is made: the columns of the table of behaviours in docs/verification.md."""


@contextmanager
def subjects(services: LocalServices, folder: Path) -> Iterator[Subjects]:
    """The servers and files of the subjects."""
    with ExitStack() as stack:
        yield Subjects(services, folder, stack)
