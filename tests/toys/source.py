"""The toy source: every CSV file of a folder is a table, and the folder below the secret's is its schema."""

from __future__ import annotations

from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
from dlt.extract import DltResource

from shared.errors.hierarchy import SourceError
from shared.jobs.filters import checked_filter
from shared.jobs.source_types import SourceType
from shared.jobs.value_range import ValueRange
from shared.models.attempt import Examination
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.source import ReadOptions

CSV = SourceType(
    name="CSV",
    reader="tests.toys.source:CsvSource",
    is_database=True,
    filter_dialect="duckdb",
    url_schemes=("csv",),
)


class CsvSource:
    """One CSV file, read and filtered by DuckDB."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.loaded_range: ValueRange | None = None
        self.primary_key = job.primary_key
        self._folder = Path(secret["folder"]) / str(job.schema_name)

    def resource(self) -> DltResource:
        """The rows of the file."""
        table = self._read()
        self.options.report_rows(table.num_rows)
        resource: DltResource = dlt.resource([table], name=self.job.resource_name)
        return resource

    def table_names(self) -> list[str]:
        """The files of the schema's folder."""
        return sorted(file.stem for file in self._folder.glob("*.csv"))

    def examine(self) -> Examination:
        """What a load would read."""
        columns = {field.name: str(field.type) for field in self._read().schema}
        return Examination(sql=self._query(), columns=columns, watermark_column=None, rows_estimated=None)

    def explain(self, error: BaseException) -> BaseException:
        """DuckDB's errors as the app's."""
        return SourceError(str(error)) if isinstance(error, duckdb.Error) else error

    def _read(self) -> pa.Table:
        return duckdb.sql(self._query()).to_arrow_table()

    def _query(self) -> str:
        query = f"SELECT * FROM '{self._folder / str(self.job.table_name)}.csv'"
        if self.job.query_filter:
            query += f" WHERE {checked_filter(self.job.query_filter, 'duckdb')}"
        return query
