"""PostgreSQL: reflection through psycopg, data through ADBC, which speaks `COPY … (FORMAT binary)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import adbc_driver_postgresql.dbapi
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_postgresql import StatementOptions
from dlt.common.libs.pyarrow import columns_to_arrow
from dlt.sources.sql_database import BaseTableLoader
from psycopg.conninfo import make_conninfo
from sqlalchemy.dialects import postgresql

from shared.sources.arrow import conform
from shared.sources.connection import SqlConnection
from shared.sources.source import ReadOptions
from shared.sources.sql import SqlSource

APPLICATION_NAME = "excel-to-lake"
BATCH_BYTES = 64 * 1024 * 1024
_SETTINGS = "-c default_transaction_read_only=on -c statement_timeout={statement_timeout}s"
_KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6"}


class PostgresLoader(BaseTableLoader):
    """Streams a query's result as Arrow tables in the reflected types."""

    connection: ClassVar[SqlConnection]
    options: ClassVar[ReadOptions]

    def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[pa.Table]:
        schema = columns_to_arrow(self.columns, None, "UTC")
        statement = str(
            self.make_query().compile(
                # the named style leaves % as it is: ADBC's COPY takes finished SQL without parameters
                dialect=postgresql.dialect(paramstyle="named"),
                compile_kwargs={"literal_binds": True},
            )
        )
        with (
            adbc_driver_postgresql.dbapi.connect(_conninfo(self.connection)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)})
            cursor.execute(statement)
            for batch in cursor.fetch_record_batch():
                table = conform(batch, schema)
                self.options.report_rows(table.num_rows)
                yield table


class PostgresSource(SqlSource):
    """A table or view of a PostgreSQL database."""

    loader = PostgresLoader

    def engine(self) -> sa.Engine:
        return sa.create_engine(
            self.connection.url("postgresql+psycopg"),
            connect_args=_libpq_parameters(self.connection),
            poolclass=sa.pool.NullPool,
        )


def _libpq_parameters(connection: SqlConnection) -> dict[str, str]:
    parameters = {
        "application_name": APPLICATION_NAME,
        "connect_timeout": str(connection.connect_timeout),
        "options": _SETTINGS.format(statement_timeout=connection.statement_timeout),
        **_KEEPALIVE,
    }
    return parameters | ({"sslmode": connection.sslmode} if connection.sslmode else {})


def _conninfo(connection: SqlConnection) -> str:
    """The connection in libpq's own key=value form, which quotes any character of a password."""
    return make_conninfo(
        host=connection.host,
        port=connection.port,
        dbname=connection.database,
        user=connection.username,
        password=connection.password.get_secret_value() if connection.password else None,
        **_libpq_parameters(connection),
    )
