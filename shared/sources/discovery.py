"""What a source has, found out from its dictionary: tables with keys, indexes, sizes and what may be a watermark.

It runs in a process of its own, as loads do. Columns are judged by the same rules as in a load, so that what is
proposed from them is what a load accepts.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SAWarning

from shared.errors.hierarchy import ConfigurationError, IngestionError, SourceError
from shared.jobs.patterns import matches
from shared.jobs.proposals import watermark_candidates
from shared.models.discovery import FoundColumn, FoundSource, FoundTable, Holds, RowsAre
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.columns import ReadColumn, chosen_columns, named_as_in
from shared.sources.reflection import reflected_table
from shared.sources.source import ReadOptions
from shared.sources.sql import SqlSource

COUNTED_BELOW = 100_000  # rows: a table that statistics say has fewer is counted
COUNTED_TO = 1_000_000  # rows, at most: what is beyond costs more than the figure is worth
_CHUNK = 50  # tables that one question to the dictionary is about
_OUT_OF_TIME = "the time of the discovery was over before it was looked at; name fewer tables with like"

_Reflected = Mapping[tuple[str | None, str], Any]


def discover_tables(
    job: Job,
    secret: Secret,
    report: Callable[[str, int], None],  # noqa: ARG001
    like: str,
    views: bool,
    seconds: float,
) -> FoundSource:
    """The tables of a schema with what a row of the workbook can be proposed from.

    Args:
        job: Names the source, and the schema if it is not that of the login.
        secret: The connection of the source.
        report: Not called.
        like: Which tables: `*` is any number of characters.
        views: Whether views are listed, too.
        seconds: What is not looked at by then is listed without figures.

    Raises:
        ConfigurationError: the source has no tables.
        SourceError: the source refuses, or the schema has no table that the login may see.
        TransientError: the source cannot be reached now.
    """
    deadline = time.monotonic() + seconds
    source = open_source(job, secret, ReadOptions())
    if not isinstance(source, SqlSource):
        raise ConfigurationError(f"Source '{job.source_name}' has no tables: it is of type {job.source_type}.")
    with source._explaining(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types that SQLAlchemy does not know, which are read as text
        with source._engine.connect() as connection:
            default = str(sa.inspect(connection).default_schema_name or "")
            source.job = job.model_copy(update={"schema_name": job.schema_name or default, "table_name": "*"})
            names = source.table_names()
            if not names:
                raise SourceError(_no_tables(connection, source.job))
            look = _Look(source, connection, source.schema_of(connection), views, deadline)
            wanted = [name for name in names if matches([like], name)]
            tables = tuple(look.tables(wanted))
    is_default = (source.job.schema_name or "").casefold() == default.casefold()
    return FoundSource(
        schema_name=source.job.schema_name,
        is_default_schema=is_default,
        readers=source.shares_tables,
        names=tuple(wanted),
        tables=tables,
    )


def _no_tables(connection: sa.Connection, job: Job) -> str:
    schemas = ", ".join(sorted(map(str, sa.inspect(connection).get_schema_names()))[:20])
    return (
        f"Schema '{job.schema_name}' of source '{job.source_name}' does not exist, or has no table that its user may "
        f"see. Its schemas: {schemas}."
    )


@dataclass(frozen=True)
class _Look:
    """A look at the tables of one schema over one connection."""

    source: SqlSource
    connection: sa.Connection
    schema: str | None
    views: bool
    deadline: float

    def tables(self, names: Sequence[str]) -> Iterator[FoundTable]:
        spelled = self.source.spelled(self.connection, names)
        inspector = sa.inspect(self.connection)
        known = {str(name) for name in inspector.get_table_names(self.schema)}
        sizes = self._sizes()
        wanted = iter([(name, spelled[name]) for name in names if self.views or str(spelled[name]) in known])
        while chunk := list(islice(wanted, _CHUNK)):
            if time.monotonic() > self.deadline:
                yield from (self._found(name, error=_OUT_OF_TIME) for name, _ in chunk)
                continue
            options: dict[str, Any] = {
                "schema": self.schema,
                "filter_names": [own for _, own in chunk],
                "kind": ObjectKind.ANY,
            }
            columns: _Reflected = _by_name(inspector.get_multi_columns(**options))
            keys: _Reflected = _by_name(inspector.get_multi_pk_constraint(**options))
            indexes: _Reflected = _by_name(inspector.get_multi_indexes(**options))
            for name, own in chunk:
                place = (None, str(own))
                table = self._table(name, own, columns.get(place) or [], keys.get(place), indexes.get(place) or [])
                rows, size = sizes.get(name, (None, None))
                is_view = str(own) not in known
                yield self._measured(table.model_copy(update={"is_view": is_view, "size_bytes": size}), own, rows)

    def _found(self, name: str, **more: Any) -> FoundTable:
        return FoundTable(schema_name=str(self.source.job.schema_name), table_name=name, **more)

    def _sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Rows and bytes by the statistics of the source, where it has any."""
        if self.source.sizes is None:
            return {}
        found = self.connection.execute(self.source.sizes, {"schema": self.source.dictionary_schema(self.connection)})
        rows = {str(row.name): (_whole(row.rows), _whole(row.bytes)) for row in found}
        return {name: rows[own] for name, own in self.source.in_dictionary(rows).items()}

    def _table(self, name: str, own: str, columns: list[Any], key: Any, indexes: Sequence[Any]) -> FoundTable:
        columns = self.source.as_on_the_wire(columns, own, self.schema)
        columns, keys = self.source.distinguishable(columns, list((key or {}).get("constrained_columns") or []))
        table = reflected_table(own, self.schema, columns, keys)
        first = {index["column_names"][0] for index in indexes if index["column_names"]} | set(keys[:1])
        try:
            reads = named_as_in((), [self.source.read_column(column, None) for column in table.c], table)
            chosen_columns(self.source.job.model_copy(update={"table_name": name}), table)
        except SourceError as error:
            return self._found(name, error=str(error))
        found = [
            found_column(self.source, reflected, read, _printed(self.connection, reflected["type"]), first)
            for read, reflected in zip(reads, columns, strict=True)
        ]
        return self._found(name, columns=tuple(found), primary_key=tuple(map(str, keys)))

    def _measured(self, table: FoundTable, own: str, estimate: int | None) -> FoundTable:
        """The table with its rows, and with whether a candidate for the watermark is NULL in some of them."""
        if table.error:
            return table
        rows, rows_are = estimate, "unknown" if estimate is None else "estimate"
        asked = sa.table(own, *(sa.column(column.name) for column in table.columns), schema=self.schema)
        try:
            if not table.is_view and (estimate is None or estimate < COUNTED_BELOW) and self._has_time:
                rows = int(self.connection.scalar(_count(asked)) or 0)
                rows_are = "exact" if rows < COUNTED_TO else "at least"
            columns = [self._with_nulls(column, table, asked) for column in table.columns]
        except Exception as error:  # one table that its user may not read must not hide the others
            self.connection.rollback()
            explained = self.source.explain(error)
            if not isinstance(explained, IngestionError) or explained.retryable:
                raise
            return table.model_copy(update={"error": str(explained)})
        kinds: RowsAre = rows_are  # type: ignore[assignment]  # one of its words
        return table.model_copy(update={"rows": rows, "rows_are": kinds, "columns": tuple(columns)})

    def _with_nulls(self, column: FoundColumn, table: FoundTable, asked: sa.TableClause) -> FoundColumn:
        if not column.nullable or column not in watermark_candidates(table) or not self._has_time:
            return column
        where = asked.c[column.name].is_(None)
        some: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(asked).where(where).limit(1)
        found = self.connection.execute(some)
        return column.model_copy(update={"has_nulls": found.first() is not None})

    @property
    def _has_time(self) -> bool:
        return time.monotonic() < self.deadline


def found_column(
    source: SqlSource, column: Mapping[str, Any], read: ReadColumn, printed: str, indexed: Collection[str]
) -> FoundColumn:
    """A column as discovery reports it, by the rules that a load has for its type.

    Args:
        source: Its source.
        column: The column as SQLAlchemy reflects it.
        read: The same as a load reads it.
        printed: Its type in the source's words.
        indexed: The columns with which an index or the key begins.
    """
    return FoundColumn(
        name=str(column["name"]),
        type=printed,
        nullable=bool(column["nullable"]),
        holds=_holds(source, column, read.type),
        is_ordered=read.order is not None,
        is_generated=_is_generated(column),
        is_indexed=column["name"] in indexed,
    )


def _holds(source: SqlSource, column: Mapping[str, Any], arrow: pa.DataType) -> Holds:
    if isinstance(column["type"], source.versions):
        return "version" if source.counts_versions(column) else "other"
    if pa.types.is_timestamp(arrow):
        return "time"
    if pa.types.is_date(arrow):
        return "date"
    is_whole = pa.types.is_integer(arrow) or (pa.types.is_decimal(arrow) and arrow.scale == 0)
    return "whole number" if is_whole else "other"


def _by_name(found: Mapping[Any, Any]) -> _Reflected:
    return {(None, str(name)): value for (_, name), value in found.items()}


def _count(table: sa.TableClause) -> sa.Select[Any]:
    some = sa.select(sa.literal_column("1").label("one")).select_from(table).limit(COUNTED_TO).subquery()
    return sa.select(sa.func.count()).select_from(some)


def _is_generated(column: Mapping[str, Any]) -> bool:
    """Whether the database counts a column up; SQLite alone says `auto` of what may be."""
    has_sequence = "nextval" in str(column.get("default") or "").lower()
    return column.get("autoincrement") is True or bool(column.get("identity")) or has_sequence


def _printed(connection: sa.Connection, kind: sa.types.TypeEngine[Any]) -> str:
    try:
        return str(kind.compile(connection.dialect)).partition(" COLLATE ")[0]
    except Exception:  # a type that SQLAlchemy does not know has no name there
        return type(kind).__name__


def _whole(value: Any) -> int | None:
    return None if value is None or value < 0 else int(value)
