"""A table or view of a SQL database as a dlt resource: reflect, choose the columns, read them as Arrow batches."""

from __future__ import annotations

import difflib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.extract import DltResource
from sqlalchemy.exc import NoSuchTableError, SAWarning

from shared.errors.hierarchy import IngestionError, SourceError
from shared.jobs.value_range import ValueRange
from shared.models.attempt import Examination
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.sources.backfill import backfill_range
from shared.sources.columns import (
    TEXT,
    Order,
    ReadColumn,
    arrow_schema,
    chosen_columns,
    column_name,
    declared_type,
    declared_types,
    dlt_hints,
    named_as_in,
    natural_order,
)
from shared.sources.connection import SqlConnection
from shared.sources.cursors import next_start, refuse_unordered
from shared.sources.evolution import contract_violation, types_in_the_lake, with_types_of
from shared.sources.faults import OTHERS, Faults, explain
from shared.sources.filtering import condition
from shared.sources.increment import not_finite
from shared.sources.loader import rows_of
from shared.sources.login import warnings_of
from shared.sources.masked_tables import masked_sample, with_masks
from shared.sources.reflection import reflected_table, table_of
from shared.sources.source import ReadOptions, write_disposition
from shared.sources.table_read import Snapshot, TableRead


class SqlSource(ABC):
    """What every SQL database has in common; a subclass says how to connect, how to read and what its types become."""

    connection_type: ClassVar[type[SqlConnection]] = SqlConnection
    faults: ClassVar[Faults] = OTHERS
    filter_dialect: ClassVar[str] = ""
    """Whose grammar `query_filter` has; "" is what every SQL reads alike."""
    may_write: ClassVar[sa.TextClause | None] = None
    """The question whether the login may change the table `:name`."""
    sizes: ClassVar[sa.TextClause | None] = None
    """The question of the dictionary for name, rows and bytes of the tables of `:schema`; estimates, or NULL."""
    versions: ClassVar[tuple[type[sa.types.TypeEngine[Any]], ...]] = ()
    """The types of which the database itself gives a greater value to every change, in the order of the commits."""
    applies_masks: ClassVar[bool] = True
    shares_tables: ClassVar[bool] = True
    """Whether several readers can share one table."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.loaded_range: ValueRange | None = None
        self.primary_key = job.primary_key
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
        """A value as it is written in a condition on a column."""
        return sa.literal(value, column.type)

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        """Whether the database has an order for a type that the lake keeps as text, and finds the greatest in it."""
        return isinstance(source_type, sa.String) and not isinstance(source_type, sa.Enum)

    def not_finite(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:  # noqa: ARG002
        """The condition that a floating-point column is NaN or infinite, None if the database has no such values."""
        return None

    def since(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        return column.comparable >= self.literal(column.comparable, value)

    def equals(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        return column.comparable == self.literal(column.comparable, value)

    def count(self) -> sa.ColumnElement[int]:
        """The number of a query's rows, however many there are."""
        return sa.func.count()

    def highest(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        return sa.func.max(column.comparable)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        return column.comparable > self.literal(column.comparable, value)

    def settled(self, query: sa.Select[Any], cursor: ReadColumn) -> sa.Select[Any]:  # noqa: ARG002
        return query

    def recount(self, connection: sa.Connection, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Sequence[Any]:
        totals = [self.total(column) for column in columns]
        return connection.execute(query.with_only_columns(self.count(), *totals, maintain_column_froms=True)).one()

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The exact sum of a column of whole or decimal numbers, or a text of several numbers that add up to it."""
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

    def column_names(self) -> list[str]:
        with self._explaining():
            return [column.name for column in self._reflect(self._engine).c]

    def examine(self) -> Examination:
        with self._explaining():
            read = self._table_read(self._reflect(self._engine))
            if read.cursor:
                self._refuse_missing_watermarks(read.table, read.cursor)
            query = read.new_rows()
            return Examination(
                sql=self.compile(query),
                columns={column.name: str(column.given_type) for column in read.columns},
                watermark_column=read.cursor.source_name if read.cursor else None,
                rows_estimated=self.estimate_rows(query),
                warnings=warnings_of(self._engine, self.may_write, read.table, self.job.source_name),
                masked=masked_sample(read),
            )

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
        replaces = write_disposition(self.job, self.options) == "replace"
        read = self._table_read(table, {} if replaces else types_in_the_lake(self.job.resource_name))
        if read.cursor and not read.within:
            self._refuse_missing_watermarks(read.table, read.cursor)
        self.primary_key = read.primary_key
        resource: DltResource = dlt.resource(
            rows_of(read),
            name=self.job.resource_name,
            columns=dlt_hints(read.schema),
            primary_key=list(read.primary_key),
        )
        return resource

    def _table_read(self, table: sa.Table, lake: Mapping[str, pa.DataType] | None = None) -> TableRead:
        """The read of a table whose columns have these types in the lake, none if they can be what they are."""
        columns = with_masks(self.job, self.options, table, named_as_in(lake or (), self._read_columns(table), table))
        cursor = self._cursor(table, columns)
        if cursor:
            refuse_unordered(cursor, (lake or {}).get(cursor.name), table)
        if lake:
            columns = with_types_of(lake, columns, self.job.schema_contract, partial(self._reread, table))
        names = {column.source_name: column.name for column in columns}
        keys = [column_name(table, key, "primary_key") for key in self.job.primary_key]
        own_key = [column.name for column in table.primary_key.columns]
        read = TableRead(
            *(self.job, self, self.options, table, columns, arrow_schema(columns, keys)),
            primary_key=tuple(names[key] for key in keys),
            source_key=tuple(names[key] for key in own_key) if set(own_key) <= set(names) else (),
        )
        if cursor is None:
            return read
        self.loaded_range = backfill_range(self.job, self.options, cursor)
        start, reached = next_start(self.job, self.options, cursor)
        return replace(read, cursor=cursor, start=start, reached=reached, within=self.loaded_range)

    def _reread(self, table: sa.Table, column: ReadColumn, declared: str) -> ReadColumn:
        return self.read_column(table.c[column.source_name], declared)

    def _cursor(self, table: sa.Table, columns: Sequence[ReadColumn]) -> ReadColumn | None:
        """The watermark column of an incremental job."""
        if self.job.load_type is not LoadType.INCREMENTAL:
            return None
        name = column_name(table, str(self.job.watermark_column), "watermark_column")
        return next(column for column in columns if column.source_name == name)

    def _reflect(self, engine: sa.Engine) -> sa.Table:
        with warnings.catch_warnings(), engine.connect() as connection:
            warnings.simplefilter("ignore", SAWarning)  # types that it does not know are read as text
            inspector = sa.inspect(connection)
            name, schema = self.located(connection)
            columns = self.as_on_the_wire(self._columns(inspector, name, schema), name, schema)
            keys = inspector.get_pk_constraint(name, schema)["constrained_columns"] or []
            columns, keys = self.distinguishable(columns, keys)
        return reflected_table(name, schema, columns, keys)

    def as_on_the_wire(self, columns: list[Any], name: str, schema: str | None) -> list[Any]:  # noqa: ARG002
        """The reflected columns of a table, each in the type in which the driver gives it."""
        return columns

    def spelled(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, str]:  # noqa: ARG002
        """How SQLAlchemy spells the tables that `table_names` gives."""
        return {name: name for name in names}

    def dictionary_schema(self, connection: sa.Connection) -> str | None:  # noqa: ARG002
        """The job's schema as `sizes` takes it."""
        return self.job.schema_name

    def in_dictionary(self, names: Iterable[str]) -> dict[str, str]:
        """How the dictionary spells tables, by their names in the workbook."""
        return {name: name for name in names}

    def counts_versions(self, column: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether a reflected column of one of the types `versions` is counted up by the database itself."""
        return True

    def distinguishable(self, columns: list[Any], keys: list[str]) -> tuple[list[Any], list[str]]:
        """The reflected columns and the names of the key's, each by its own name."""
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
        chosen = chosen_columns(self.job, table)
        others = [self._other_type(column, declared.get(column.name)) for column in chosen]
        return [
            replace(self.read_column(column, other), kind=other or repr(column.type))
            for column, other in zip(chosen, others, strict=True)
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
        if declared and declared not in ("text", "json"):
            arrow_type = declared_type(declared)[0]
            expression = sa.cast(column, self.cast_type(declared))
            return ReadColumn(column.name, expression, arrow_type, order=natural_order(arrow_type))
        native = self.arrow_type(column.type)
        if native and native != TEXT and not declared:
            return ReadColumn(column.name, column, native, order=natural_order(native))
        text: sa.ColumnElement[Any] = column if native == TEXT and not declared else self.as_text(column)
        order: Order | None = "source" if self.sorts(column.type) else None
        return ReadColumn(column.name, text, TEXT, compared=column, order=order)

    def _refuse_missing_watermarks(self, table: sa.Table, cursor: ReadColumn) -> None:
        column = table.c[cursor.source_name]
        with self._engine.connect() as connection:
            if column.nullable and connection.execute(self._any_row(table, column.is_(None))).first():
                raise SourceError(
                    f"watermark_column '{column.name}' of table '{table.fullname}' is NULL in some rows, which an "
                    "INCREMENTAL load would never see. Fill it, load the table FULL, or leave those rows out with "
                    f"query_filter: {column.name} IS NOT NULL."
                )
            endless = self.not_finite(column) if isinstance(column.type, (sa.Numeric, sa.Float)) else None
            if endless is not None and connection.execute(self._any_row(table, endless)).first():
                raise not_finite(table, cursor)

    def _any_row(self, table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return self.restrict(sa.select(sa.literal(1)).select_from(table).where(condition).limit(1))

    def restrict(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query with the job's filter."""
        if self.job.query_filter:
            query = query.where(condition(self.job, self.filter_dialect, table_of(query)))
        return query


def beyond_microsecond(source: SqlSource, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
    """The condition that a time is greater in microseconds, of a column that counts finer."""
    last = datetime.max.replace(tzinfo=getattr(value, "tzinfo", None))
    if value >= last:
        return sa.false()
    return column.comparable >= source.literal(column.comparable, value + timedelta(microseconds=1))
