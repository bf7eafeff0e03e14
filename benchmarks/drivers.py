"""The drivers of SQL Server and of Oracle alone: every row of a table as Arrow, as their makers' examples read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import mssql_python
import oracledb
import pyarrow as pa

_BATCH_ROWS = 2_000
_LONG_ROWS = 8  # with a large object


def driver_batches(order: Mapping[str, Any], table: str) -> Iterator[pa.RecordBatch | pa.Table]:
    """The rows of a table in batches that the driver makes."""
    rows = _LONG_ROWS if table == "lob" else _BATCH_ROWS
    read = _of_oracle if order["source_type"] == "Oracle" else _of_sqlserver
    return read(order["connection"], f"SELECT * FROM {order['schema']}.{table}", rows)


def _of_sqlserver(secret: Mapping[str, Any], query: str, rows: int) -> Iterator[pa.RecordBatch]:
    string = "Server={host},{port};Database={database};UID={username};PWD={{{password}}};".format(**secret)
    with closing(mssql_python.connect(f"{string}Encrypt=yes;TrustServerCertificate=yes;")) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        while (batch := cursor.arrow_batch(rows)).num_rows:
            yield batch


def _of_oracle(secret: Mapping[str, Any], query: str, rows: int) -> Iterator[pa.Table]:
    where = {name: secret[name] for name in ("host", "port", "service_name", "password")}
    with oracledb.connect(user=secret["username"], **where) as connection:
        for frame in connection.fetch_df_batches(query, size=rows):
            yield pa.table(frame)
