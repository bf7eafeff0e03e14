"""The tables of the local lake as DuckDB sees them, each as its last committed load: docs/reading.md.

A plain Parquet table is the files that its manifest names, a Delta table is what its log says. Each has the name of
its folder, and is in a schema that has the name of its dataset, `{source_name}_{table_name}`. The schema `audit` holds
`runs` and `loads` of the audit table.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient
from azure.storage.blob import BlobServiceClient

from localhost.app_client import LocalStorage
from localhost.services.azurite import ACCOUNT, ACCOUNT_KEY
from shared.audit.properties import as_row, without_keys
from shared.lake.manifest import MANIFEST

if TYPE_CHECKING:
    import duckdb

_DELTA_LOG = "_delta_log"
_AUDIT = {
    "runs": "PartitionKey eq 'runs'",
    "loads": "PartitionKey ge 'job:' and PartitionKey lt 'job;'",
}


class LakeError(Exception):
    """A question cannot be answered; the text says why."""


@dataclass(frozen=True)
class LakeTable:
    """A table of the lake.

    Args:
        container: Its container.
        folder: Its folder there.
        format: parquet or delta.
        schema: The schema of its view.
        is_alone: Whether no other table has its name, so that it needs no schema.
        size: Of its files, bytes; those that are not part of it any more included.
    """

    container: str
    folder: str
    format: str
    schema: str
    is_alone: bool
    size: int

    @property
    def view(self) -> str:
        """The name of its view, without the schema."""
        return _dataset_and_name(self.folder)[1]

    @property
    def name(self) -> str:
        """How a query names it."""
        return quoted(self.view) if self.is_alone else f"{quoted(self.schema)}.{quoted(self.view)}"

    @property
    def path(self) -> str:
        """Container and folder."""
        return f"{self.container}/{self.folder}"


class Lake:
    """The lake and the audit table of an app on this machine, for reading.

    Args:
        storage: Where they are.
    """

    def __init__(self, storage: LocalStorage) -> None:
        self._storage = storage
        os.environ["SSL_CERT_FILE"] = storage.ca_bundle  # deltalake
        self._blobs = BlobServiceClient(
            storage.blob_url,
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=storage.ca_bundle,
        )

    def tables(self) -> list[LakeTable]:
        """Every table that has a committed load, by its path."""
        found: list[tuple[str, str, str, int]] = []
        for container in self._blobs.list_containers():
            if container.name != self._storage.config_container:
                found += [(container.name, *one) for one in self._tables_in(container.name)]
        names, datasets = Counter[str](), Counter[tuple[str, str]]()
        for _, folder, _, _ in found:
            dataset, name = _dataset_and_name(folder)
            names[name.casefold()] += 1
            datasets[dataset.casefold(), name.casefold()] += 1
        tables = []
        for container_name, folder, kind, size in sorted(found):
            dataset, name = _dataset_and_name(folder)
            is_known_by_dataset = datasets[dataset.casefold(), name.casefold()] == 1
            schema = dataset if is_known_by_dataset else f"{container_name}/{folder.rpartition('/')[0]}"
            tables.append(LakeTable(container_name, folder, kind, schema, names[name.casefold()] == 1, size))
        return tables

    def count(self, table: LakeTable) -> int:
        """The rows of a table."""
        if table.format == "parquet":
            return int(self._manifest(table)["rows"])
        with self.opened([table]) as database:
            (rows,) = database.execute(f"SELECT count(*) FROM {table.name}").fetchall()[0]
        return int(rows)

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows that a SELECT gives.

        Raises:
            LakeError: it is no single SELECT, or DuckDB cannot carry it out.
        """
        import duckdb

        try:
            statements = duckdb.extract_statements(sql)
        except duckdb.Error as error:
            raise LakeError(str(error)) from None
        if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
            raise LakeError("The lake is only read here: ask one SELECT.")
        tables = self.tables()
        named = [one for one in tables if one.view.casefold() in sql.casefold()]
        for _ in range(3):
            try:
                with self.opened(named or tables) as database:
                    result = database.execute(sql)
                    return [column[0] for column in result.description or ()], result.fetchall()
            except ResourceNotFoundError:
                continue  # a newer load has replaced a file since the manifest was read
            except duckdb.CatalogException as error:
                names = ", ".join(one.name for one in tables) or "none yet"
                raise LakeError(f"{error}\nTables of the lake: {names}, audit.runs, audit.loads.") from None
            except duckdb.Error as error:
                raise LakeError(str(error)) from None
        raise LakeError("Loads replace the files faster than they can be read: ask again.")

    def opened(self, tables: Sequence[LakeTable]) -> duckdb.DuckDBPyConnection:
        """A database in memory with views of tables and of the audit."""
        import duckdb

        from localhost.lake_files import PROTOCOL, LakeFiles

        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        database.register_filesystem(LakeFiles(self._blobs))
        for number, table in enumerate(tables):
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(table.schema)}")
            if table.format == "parquet":
                files = [f"{PROTOCOL}://{table.path}/{file['path']}" for file in self._manifest(table)["files"]]
                source = (
                    f"read_parquet([{', '.join(map(_text, files))}], union_by_name = true)"
                    if files
                    else "(SELECT 1 LIMIT 0)"
                )
            else:
                source = f"delta_{number}"
                database.register(source, self._delta(table))
            view = f"{quoted(table.schema)}.{quoted(table.view)}"
            database.execute(f"CREATE VIEW {view} AS SELECT * FROM {source}")
            if table.is_alone:
                database.execute(f"CREATE VIEW {quoted(table.view)} AS SELECT * FROM {view}")
        database.execute("CREATE SCHEMA audit")
        for name, condition in _AUDIT.items():
            self._add_audit(database, name, condition)
        return database

    def _tables_in(self, container: str) -> Iterator[tuple[str, str, int]]:
        """Folder, format and bytes of the tables in a container."""
        formats: dict[str, str] = {}
        sizes: Counter[str] = Counter()
        for blob in self._blobs.get_container_client(container).list_blobs():
            folder, _, file = blob.name.rpartition("/")
            if file == MANIFEST:
                formats[folder] = "parquet"
            elif folder.endswith(f"/{_DELTA_LOG}") and file.endswith(".json"):
                formats[folder.removesuffix(f"/{_DELTA_LOG}")] = "delta"
            elif file.endswith(".parquet"):
                sizes[folder] += int(blob.size)
        for folder, kind in formats.items():
            yield folder, kind, sum(size for name, size in sizes.items() if f"{name}/".startswith(f"{folder}/"))

    def _manifest(self, table: LakeTable) -> dict[str, Any]:
        blob = self._blobs.get_blob_client(table.container, f"{table.folder}/{MANIFEST}")
        content: dict[str, Any] = json.loads(blob.download_blob().readall())
        return content

    def _delta(self, table: LakeTable) -> Any:
        from deltalake import DeltaTable

        options = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY, "endpoint": self._storage.blob_url}
        return DeltaTable(f"az://{table.path}", storage_options=options).to_pyarrow_dataset()

    def _add_audit(self, database: duckdb.DuckDBPyConnection, name: str, condition: str) -> None:
        import pyarrow as pa

        client = TableClient(
            self._storage.table_url,
            self._storage.audit_table,
            credential=AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY),
            connection_verify=self._storage.ca_bundle,
        )
        try:
            rows = [without_keys(as_row(row)) for row in client.query_entities(condition)]
        except ResourceNotFoundError:
            rows = []
        known = _columns(name)
        columns = {**known, **{column: None for row in rows for column in row if column not in known}}
        arrays = {
            column: pa.array([_plain(row.get(column)) for row in rows], None if _is_filled(rows, column) else kind)
            for column, kind in columns.items()
        }
        database.register(f"audit_{name}", pa.table(arrays))
        database.execute(f"CREATE VIEW audit.{name} AS SELECT * FROM audit_{name}")


def _columns(name: str) -> dict[str, Any]:
    """The columns that rows of the audit may have, with the type of one that no row has yet."""
    import pyarrow as pa

    from shared.api.answers import Load, RunSummary

    kinds = {datetime: pa.timestamp("us", "UTC"), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = (RunSummary if name == "runs" else Load).model_fields
    return {
        field: next((kind for known, kind in kinds.items() if info.annotation in (known, known | None)), pa.string())
        for field, info in fields.items()
    }


def _is_filled(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    return any(row.get(column) is not None for row in rows)


def quoted(name: str) -> str:
    """A name as SQL needs it."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _dataset_and_name(folder: str) -> tuple[str, str]:
    """The last two parts of a table's folder."""
    above, _, name = folder.rpartition("/")
    return above.rpartition("/")[2], name


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _plain(value: Any) -> Any:
    """A value of a row; lists and objects as JSON, since rows differ in them."""
    return json.dumps(value) if isinstance(value, list | dict | tuple) else value
