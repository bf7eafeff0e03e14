"""A table or view of a SQL database as a dlt resource: reflect, build the query, read through a native Arrow reader."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import dlt
import sqlalchemy as sa
from dlt.extract import DltResource
from dlt.sources.sql_database import BaseTableLoader, sql_table
from sqlalchemy.exc import NoSuchTableError

from shared.errors import IngestionError, SourceError
from shared.models import Job, LoadType
from shared.secrets import Secret
from shared.sources.connection import SqlConnection
from shared.sources.faults import explain
from shared.sources.source import ReadOptions
from shared.sources.watermark import typed_watermark

IDENTITY_COLUMNS = "boundary_columns"


class SqlSource(ABC):
    """What every SQL database has in common; a subclass says how to connect and how to read."""

    loader: ClassVar[type[BaseTableLoader]]

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.secret = secret
        self.connection = SqlConnection.of(secret, job.source_name)

    @abstractmethod
    def engine(self) -> sa.Engine:
        """An engine for reflection and small questions; the data itself takes the loader's way."""

    def resource(self) -> DltResource:
        engine = self.engine()
        try:
            table = self._reflect(engine)
            incremental = self._incremental(engine, table)
            return self._sql_table(engine, table, incremental)
        except IngestionError:
            raise
        except Exception as error:
            raise self.explain(error) from None

    def explain(self, error: BaseException) -> BaseException:
        return explain(error, self.job, self.connection, self.secret)

    def _sql_table(self, engine: sa.Engine, table: sa.Table, incremental: Any) -> DltResource:
        replace = incremental is None or self.options.full_refresh
        loader = type("JobLoader", (self.loader,), {"connection": self.connection, "options": self.options})
        return sql_table(
            engine,
            table=table.name,
            metadata=table.metadata,
            incremental=incremental,
            chunk_size=self.job.chunk_size,
            backend="pyarrow",
            query_adapter_callback=self._restrict,
            write_disposition="replace" if replace else "append",
            table_loader_class=loader,
        )

    def _reflect(self, engine: sa.Engine) -> sa.Table:
        name, schema = str(self.job.table_name), self.job.schema_name
        try:
            return sa.Table(name, sa.MetaData(schema=schema), autoload_with=engine, resolve_fks=False)
        except NoSuchTableError:
            shown = f"{schema}.{name}" if schema else name
            inspector = sa.inspect(engine)
            known = inspector.get_table_names(schema) + inspector.get_view_names(schema)
            near = difflib.get_close_matches(name, known, n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise SourceError(
                f"Table '{shown}' does not exist in source '{self.job.source_name}', or its user may not see it.{hint}"
            ) from None

    def _incremental(self, engine: sa.Engine, table: sa.Table) -> Any:
        if self.job.load_type is not LoadType.INCREMENTAL:
            return None
        name = str(self.job.watermark_column)
        if name not in table.c:
            near = difflib.get_close_matches(name, table.c.keys(), n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else f" Its columns are {', '.join(table.c.keys())}."
            raise SourceError(f"watermark_column '{name}' is no column of table '{table.fullname}'.{hint}")
        column = table.c[name]
        self._refuse_missing_watermarks(engine, table, column)
        initial = self.job.last_watermark
        return dlt.sources.incremental(
            name,
            initial_value=typed_watermark(initial, column.type, name) if initial else None,
            primary_key=self._boundary_identity(table),
        )

    def _boundary_identity(self, table: sa.Table) -> list[str]:
        """The columns by which rows at the watermark are known again: all of them, as they were at the last load.

        The whole row, because a row that changed within one tick of its watermark must come again; the columns of
        the last load, because one that was added since would make every boundary row look new.
        """
        state = dlt.current.pipeline().state.get("sources", {}).get(self.job.resource_name, {})
        known = [name for name in state.get(IDENTITY_COLUMNS, []) if name in table.c]
        return known or list(table.c.keys())

    def _refuse_missing_watermarks(self, engine: sa.Engine, table: sa.Table, column: sa.Column[Any]) -> None:
        if not column.nullable:
            return
        query = self._restrict(sa.select(sa.literal(1)).select_from(table).where(column.is_(None)).limit(1), table)
        with engine.connect() as connection:
            if connection.execute(query).first():
                raise SourceError(
                    f"watermark_column '{column.name}' of table '{table.fullname}' is NULL in some rows, which an "
                    "INCREMENTAL load would never see. Fill it, load the table FULL, or leave those rows out with "
                    f"query_filter: {column.name} IS NOT NULL."
                )

    def _restrict(self, query: Any, _table: sa.Table) -> Any:
        return query
