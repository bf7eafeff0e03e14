"""A table or view of a SQL database as a dlt resource: reflect, choose the columns, read them as Arrow batches."""

from __future__ import annotations

import difflib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.extract import DltResource
from dlt.sources.sql_database import sql_table
from sqlalchemy.exc import NoSuchTableError, SAWarning

from shared.errors.hierarchy import IngestionError, SourceError
from shared.jobs.value_range import ValueRange
from shared.models.attempt import Examination
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.sources.backfill import backfill_range
from shared.sources.columns import (
    TEXT,
    ReadColumn,
    arrow_schema,
    chosen_columns,
    column_name,
    declared_type,
    declared_types,
    dlt_hints,
)
from shared.sources.connection import SqlConnection
from shared.sources.evolution import contract_violation, types_in_the_lake, with_types_of
from shared.sources.faults import OTHERS, Faults, explain
from shared.sources.filtering import condition
from shared.sources.loader import ArrowLoader
from shared.sources.login import warnings_of
from shared.sources.lookback import Lookback, before
from shared.sources.source import ReadOptions, write_disposition
from shared.sources.table_read import Snapshot, TableRead
from shared.sources.watermark import typed_watermark


class SqlSource(ABC):
    """What every SQL database has in common; a subclass says how to connect, how to read and what its types become."""

    connection_type: ClassVar[type[SqlConnection]] = SqlConnection
    faults: ClassVar[Faults] = OTHERS
    filter_dialect: ClassVar[str] = ""
    """Whose grammar `query_filter` has; "" is what every SQL reads alike."""
    may_write: ClassVar[sa.TextClause | None] = None
    """The question whether the login may change the table `:name`."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.loaded_range: ValueRange | None = None
        self.connection, self.secret = self.connection_type.of(secret, job.source_name)

    @abstractmethod
    def engine(self) -> sa.Engine:
        """An engine for reflection and small questions; the data itself takes the way of `snapshot`."""

    @abstractmethod
    def snapshot(self, table: sa.Table, readers: int) -> AbstractContextManager[Snapshot]:
        """One picture of a table as it is now, for up to so many readers, for as long as the context is open."""

    @abstractmethod
    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        """The Arrow type that carries a reflected type unchanged, or None where only its text does."""

    def as_text(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """A column as the text that the database itself prints for it."""
        return sa.cast(column, sa.Text())

    def schema_of(self, connection: sa.Connection) -> str | None:  # noqa: ARG002
        """The job's schema, as SQLAlchemy spells it."""
        return self.job.schema_name

    def located(self, connection: sa.Connection) -> tuple[str, str | None]:  # noqa: ARG002
        """Name and schema of the job's table, as SQLAlchemy spells names; whether it exists is seen later."""
        return str(self.job.table_name), self.job.schema_name

    def cast_type(self, declared: str) -> sa.types.TypeEngine[Any]:
        """What this database casts a column to that has this type in `column_types`; never text."""
        return declared_type(declared)[1]

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        """A value as it stands in a condition on a column."""
        return sa.literal(value, column.type)

    def since(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        return column.comparable >= self.literal(column.comparable, value)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        return column.comparable > self.literal(column.comparable, value)

    def settled(self, query: sa.Select[Any], cursor: ReadColumn) -> sa.Select[Any]:  # noqa: ARG002
        return query

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        scale = column.type.scale if isinstance(column.type, pa.Decimal128Type) else 0
        exact = sa.func.sum(sa.cast(column.comparable, sa.Numeric(38, scale)))
        return sa.type_coerce(exact, sa.types.NullType())  # as the driver gives it: SQLAlchemy may pass through floats

    def compile(self, query: sa.Select[Any]) -> str:
        """A query as the finished SQL that the reader runs."""
        return str(query.compile(self._engine, compile_kwargs={"literal_binds": True}))

    def estimate_rows(self, query: sa.Select[Any]) -> int | None:  # noqa: ARG002
        """How many rows the database's planner expects, None where it cannot be asked."""
        return None

    def resource(self) -> DltResource:
        with self._explaining():
            return self._resource(self._reflect(self._engine))

    def table_names(self) -> list[str]:
        with self._explaining(), self._engine.connect() as connection:
            inspector, schema = sa.inspect(connection), self.schema_of(connection)
            return sorted({*inspector.get_table_names(schema), *inspector.get_view_names(schema)})

    def examine(self) -> Examination:
        with self._explaining():
            read = self._table_read(self._reflect(self._engine))
            cursor, watermark = self._cursor(read), None
            if cursor:
                self._refuse_missing_watermarks(read.table, cursor.name)
                watermark = self._next_start(cursor)
            query = read.query(cursor.name if cursor else None, watermark)
            return Examination(
                sql=self.compile(query),
                columns={column.name: str(column.type) for column in read.columns},
                watermark_column=cursor.name if cursor else None,
                rows_estimated=self.estimate_rows(query),
                warnings=warnings_of(self._engine, self.may_write, read.table, self.job.source_name),
            )

    def _next_start(self, cursor: ReadColumn) -> Any:
        """Where the next load starts, from the watermark that the options tell."""
        options, initial = (self.options, typed_watermark(self.job.last_watermark, cursor.type, cursor.name))
        if options.full_refresh or not options.watermark:
            return initial
        watermark = typed_watermark(options.watermark, cursor.type, cursor.name)
        if not self.job.lookback:
            return watermark
        earlier = before(watermark, self.job.lookback, cursor.name)
        return earlier if initial is None else max(earlier, initial)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Connect lazily, and turn what the driver raises into this project's errors."""
        try:
            self._engine = self.engine()
            yield
        except IngestionError:
            raise
        except Exception as error:
            raise self.explain(error) from None

    def explain(self, error: BaseException) -> BaseException:
        return contract_violation(error, self.job) or explain(
            error, self.job, self.connection, self.secret, self.faults
        )

    def _resource(self, table: sa.Table) -> DltResource:
        read = self._table_read(table)
        if write_disposition(self.job, self.options) != "replace" and self.job.schema_contract == "evolve":
            columns = with_types_of(types_in_the_lake(self.job.resource_name), read.columns)
            read = replace(read, columns=columns, schema=arrow_schema(columns, self.job.primary_key))
        resource = sql_table(
            self._engine,
            table=table.name,
            metadata=table.metadata,
            incremental=self._incremental(read),
            chunk_size=self.job.chunk_size,
            backend="pyarrow",
            reflection_level="minimal",
            table_loader_class=ArrowLoader,
            backend_kwargs={"read": read},
        )
        # emptied first: dlt would keep hints of columns that are not read
        resource.apply_hints(columns={}, primary_key=list(self.job.primary_key))
        resource.apply_hints(columns=dlt_hints(read.schema))
        return resource.with_name(self.job.resource_name)

    def _table_read(self, table: sa.Table) -> TableRead:
        columns = self._read_columns(table)
        read = TableRead(self.job, self, self.options, table, columns, arrow_schema(columns, self.job.primary_key))
        cursor = self._cursor(read)
        self.loaded_range = backfill_range(self.job, self.options, cursor) if cursor else None
        return replace(read, within=self.loaded_range)

    def _cursor(self, read: TableRead) -> ReadColumn | None:
        """The watermark column of an incremental job."""
        if self.job.load_type is not LoadType.INCREMENTAL:
            return None
        return read.column(column_name(read.table, str(self.job.watermark_column), "watermark_column"))

    def _reflect(self, engine: sa.Engine) -> sa.Table:
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter("ignore", SAWarning)  # types that it does not know are read as text
            inspector = sa.inspect(connection)
            name, schema = self.located(connection)
            columns = self._columns(inspector, name, schema)
            keys = inspector.get_pk_constraint(name, schema)["constrained_columns"] or []
            columns, keys = self.told_apart(columns, keys)
        return sa.Table(
            name,
            sa.MetaData(schema=schema),
            *(
                sa.Column(
                    column["name"], column["type"], nullable=column["nullable"], primary_key=column["name"] in keys
                )
                for column in columns
            ),
        )

    def told_apart(self, columns: list[Any], keys: list[str]) -> tuple[list[Any], list[str]]:
        """The reflected columns and the names of the key's, each by a name of its own."""
        return columns, keys

    def _columns(self, inspector: sa.Inspector, name: str, schema: str | None) -> list[Any]:
        try:
            return list(inspector.get_columns(name, schema))
        except NoSuchTableError:
            known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
            raise SourceError(self._no_table(str(self.job.table_name), self.job.schema_name, known)) from None

    def _no_table(self, name: str, schema: str | None, known: list[str]) -> str:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        shown = f"{schema}.{name}" if schema else name
        return f"Table '{shown}' does not exist in source '{self.job.source_name}', or its user may not see it.{hint}"

    def _read_columns(self, table: sa.Table) -> list[ReadColumn]:
        declared = declared_types(self.job, table)
        return [
            self.read_column(column, self._other_type(column, declared.get(column.name)))
            for column in chosen_columns(self.job, table)
        ]

    def _other_type(self, column: sa.Column[Any], declared: str | None) -> str | None:
        """The type that `column_types` names, None for times and bytes that are so already: casts could only lose."""
        own = self.arrow_type(column.type)
        if declared is None or own is None:
            return declared
        wanted = declared_type(declared)[0]
        kept = pa.types.is_temporal(wanted) or pa.types.is_binary(wanted)
        return None if kept and own.id == wanted.id else declared

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        """How one column is read; `declared` is its type in `column_types`."""
        if declared in ("text", "json"):
            return ReadColumn(column.name, self.as_text(column), TEXT)
        if declared:
            return ReadColumn(column.name, sa.cast(column, self.cast_type(declared)), declared_type(declared)[0])
        if native := self.arrow_type(column.type):
            return ReadColumn(column.name, column, native)
        return ReadColumn(column.name, self.as_text(column), TEXT)

    def _incremental(self, read: TableRead) -> Any:
        cursor = self._cursor(read)
        if cursor is None or read.within:
            return None
        initial = typed_watermark(self.job.last_watermark, cursor.type, cursor.name)
        self._refuse_missing_watermarks(read.table, cursor.name)
        if self.options.full_refresh:
            _forget_state(self.job.resource_name)
        elif self.options.rewound:
            value = typed_watermark(self.options.watermark, cursor.type, cursor.name)
            _rewind_state(self.job.resource_name, cursor.name, value)
        # no primary key: ArrowLoader tells rows apart
        return Lookback[Any](cursor.name, initial_value=initial, primary_key=(), lag=self.job.lookback or None)

    def _refuse_missing_watermarks(self, table: sa.Table, name: str) -> None:
        column = table.c[name]
        if not column.nullable:
            return
        query = self.restrict(sa.select(sa.literal(1)).select_from(table).where(column.is_(None)).limit(1))
        with self._engine.connect() as connection:
            if connection.execute(query).first():
                raise SourceError(
                    f"watermark_column '{name}' of table '{table.fullname}' is NULL in some rows, which an "
                    "INCREMENTAL load would never see. Fill it, load the table FULL, or leave those rows out with "
                    f"query_filter: {name} IS NOT NULL."
                )

    def restrict(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query with the job's filter."""
        if not self.job.query_filter:
            return query
        table = next(one for one in query.get_final_froms() if isinstance(one, sa.Table))
        return query.where(condition(self.job, self.filter_dialect, table))


def _forget_state(resource_name: str) -> None:
    """Make an incremental resource start over: dlt keeps its watermark in the pipeline's state."""
    with dlt.current.pipeline().managed_state() as state:
        for source in state.get("sources", {}).values():
            source.get("resources", {}).pop(resource_name, None)


def _rewind_state(resource_name: str, cursor_name: str, watermark: Any) -> None:
    """Make an incremental resource start at another watermark than that of its last load."""
    with dlt.current.pipeline().managed_state() as state:
        for source in state.get("sources", {}).values():
            cursors = source.get("resources", {}).get(resource_name, {}).get("incremental", {})
            if cursor_name in cursors:
                cursors[cursor_name]["last_value"] = watermark


def beyond_microsecond(source: SqlSource, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
    """The condition that a time is greater in microseconds, of a column that counts finer."""
    last = datetime.max.replace(tzinfo=getattr(value, "tzinfo", None))
    if value >= last:
        return sa.false()
    return column.comparable >= source.literal(column.comparable, value + timedelta(microseconds=1))
