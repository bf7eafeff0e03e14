"""An endpoint of a REST API as a dlt resource: all pages first, then their rows as Arrow tables in settled types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from dlt.extract import DltResource

from shared.errors import ConfigurationError, SourceError
from shared.models import Examination, Job, LoadType
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.backfill import backfill_range
from shared.sources.columns import ReadColumn, dlt_hints
from shared.sources.rest.client import ApiClient
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.gathering import Gathering
from shared.sources.rest.increment import NewRows, server_filter
from shared.sources.rest.page import Page, PageReader
from shared.sources.rest.pagination import all_pages, first_page
from shared.sources.rest.schemas import conformed, earlier_schemas, rows_schema, table_name
from shared.sources.rest.tables import PARENT_ID, ROW_ID, Path
from shared.sources.source import ReadOptions
from shared.value_range import ValueRange

ROOT: Path = ()
Schemas = dict[Path, pa.Schema]


class RestSource:
    """One endpoint of an API."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.connection = RestConnection.of(secret, job.source_name)
        self.loaded_range: ValueRange | None = None
        self._earlier: dict[str, dict[str, pa.DataType]] = {}

    @property
    def _adds(self) -> bool:
        """Whether rows of earlier loads stay."""
        return self.job.load_type is LoadType.INCREMENTAL and not self.options.full_refresh

    def resource(self) -> DltResource:
        self._earlier = earlier_schemas(self.job)
        if self.options.end:
            self.loaded_range = self._range()
        resource: DltResource = dlt.resource(self._tables(), name=self.job.resource_name)
        return resource

    def explain(self, error: BaseException) -> BaseException:
        return error  # the client explains where it happens

    def table_names(self) -> list[str]:
        """None: an API does not say what it has."""
        raise ConfigurationError(f"Job '{self.job.job_id}': an API has no tables to list; name one api_endpoint.")

    def examine(self) -> Examination:
        """What a load would read, seen from the first page, which is fetched."""
        page, table = self._first_page()
        call = page.call
        return Examination(
            sql=" ".join([call.method, call.url, *(f"{name}={value}" for name, value in call.params.items())]),
            columns={field.name: str(field.type) for field in table.schema},
            watermark_column=self.job.watermark_column,
            rows_estimated=page.total,
        )

    def first_table(self) -> pa.Table:
        """The rows of the first page as they would stand in the lake. Raises as `resource`."""
        return self._first_page()[1]

    def _first_page(self) -> tuple[Page, pa.Table]:
        client, gathering = self._open()
        try:
            _, page = first_page(PageReader(self.job, client), self._filter())
            gathering.add(page)
            schema = self._schemas(gathering)[ROOT]
            tables = next(gathering.pages(), {ROOT: schema.empty_table()})
            return page, conformed(tables[ROOT], schema)
        finally:
            client.close()
            gathering.close()

    def _tables(self) -> Iterator[Any]:
        client, gathering = self._open()
        try:
            for page in all_pages(PageReader(self.job, client), self._filter()):
                gathering.add(page)
                self.options.report_rows(0 if page.beyond else len(page.rows))
            gathering.check()
            client.close()
            yield from _Output(self, gathering, self._schemas(gathering)).items()
        finally:
            client.close()
            gathering.close()

    def _open(self) -> tuple[ApiClient, Gathering]:
        return ApiClient(self.job, self.connection), Gathering(self.job, settings().work_folder)

    def _filter(self) -> dict[str, str]:
        if self.job.load_type is not LoadType.INCREMENTAL:
            return {}
        last = None if self.options.full_refresh else self.options.watermark
        start = self.options.start or last or self.job.last_watermark
        return server_filter(self.job, start, self._watermark_type())

    def _watermark_type(self) -> pa.DataType | None:
        return self._earlier.get(self.job.resource_name, {}).get(str(self.job.watermark_column))

    def _range(self) -> ValueRange | None:
        known, name = self._watermark_type(), str(self.job.watermark_column)
        if known is None:
            raise SourceError(f"Job '{self.job.job_id}' has loaded nothing yet; run it before a backfill.")
        return backfill_range(self.job, self.options, ReadColumn(name, sa.column(name), known))

    def _schemas(self, gathering: Gathering) -> Schemas:
        """The tables of this load and of earlier ones: a replaced table without rows is empty, not as it was."""
        earlier, keep = self._earlier, self._adds
        root = rows_schema(self.job, gathering.types.get(ROOT), earlier.get(self.job.resource_name, {}), keep)
        schemas: Schemas = {}
        for path, types in gathering.types.items():
            if path:
                schemas[path] = types.schema({}, earlier.get(table_name(self.job, path), {}), keep)
        start = len(table_name(self.job, ("",)))
        for name, columns in earlier.items():
            if name != self.job.resource_name:
                schemas.setdefault((name[start:],), pa.schema(list(columns.items())))
        if not schemas and len(root) > 1 and ROW_ID in root.names:
            root = root.remove(root.get_field_index(ROW_ID))
        return {ROOT: root, **schemas}

    def refuse_updates_of_lists(self, schemas: Schemas) -> None:
        """Raises SourceError where rows of a nested list would have to be updated, which nothing names."""
        if len(schemas) > 1 and self._adds and self.job.table_format == "delta" and self.job.primary_key:
            names = ", ".join(path[-1] for path in schemas if path)
            raise SourceError(
                f"Job '{self.job.job_id}' updates rows by primary_key, but the rows hold the lists {names}, whose own "
                "rows have no key: set api_nested to json, or leave the lists out with excluded_columns."
            )


class _Output:
    """Gives the gathered pages as Arrow tables of about `chunk_size` rows."""

    def __init__(self, source: RestSource, gathering: Gathering, schemas: Schemas) -> None:
        source.refuse_updates_of_lists(schemas)
        self._job = source.job
        self._gathering = gathering
        self._schemas = schemas
        self._waiting: dict[Path, list[pa.Table]] = {path: [] for path in schemas}
        self._given: set[Path] = set()
        self._new_rows: NewRows | None = None
        if source.job.load_type is LoadType.INCREMENTAL and ROOT in gathering.types:
            state = dlt.current.resource_state()
            if source.options.full_refresh:
                state.clear()
            self._new_rows = NewRows(source.job, source.options, schemas[ROOT], state)

    def items(self) -> Iterator[Any]:
        """The tables; each at least once, if without rows, so that the lake learns its columns."""
        self._recount()
        for page in self._gathering.pages():
            for path, table in self._new(page).items():
                waiting = self._waiting[path]
                waiting.append(table)
                if sum(one.num_rows for one in waiting) >= self._job.chunk_size:
                    yield self._give(path)
        for path in self._schemas:
            if self._waiting[path] or path not in self._given:
                yield self._give(path)
        if self._new_rows:
            self._new_rows.save()

    def _new(self, page: dict[Path, pa.Table]) -> dict[Path, pa.Table]:
        """The new rows of a page, and of its lists those whose parents are new."""
        taken: dict[Path, pa.Table] = {}
        for path, raw in page.items():
            if path:
                raw = raw.filter(pc.is_in(raw.column(PARENT_ID), page[path[:-1]].column(ROW_ID)))
            elif self._new_rows:
                raw = self._with_new_rows(raw, self._new_rows)
            page[path] = raw
            taken[path] = conformed(raw, self._schemas[path])
        return taken

    def _with_new_rows(self, raw: pa.Table, new_rows: NewRows) -> pa.Table:
        numbered = conformed(raw, self._schemas[ROOT]).append_column(_NUMBER, pa.array(range(raw.num_rows)))
        return raw.take(new_rows.of(numbered).column(_NUMBER))

    def _recount(self) -> None:
        boundary = self._new_rows.boundary if self._new_rows else None
        if self._new_rows is None or boundary is None or boundary.exact:
            return
        for page in self._gathering.pages():
            boundary.recount(self._new_rows.at_start(conformed(page[ROOT], self._schemas[ROOT])))
        boundary.check()

    def _give(self, path: Path) -> Any:
        schema = self._schemas[path]
        table = pa.concat_tables(self._waiting[path]) if self._waiting[path] else schema.empty_table()
        self._waiting[path] = []
        self._given.add(path)
        return self._marked(path, table.combine_chunks())

    def _marked(self, path: Path, table: pa.Table) -> Any:
        """A table with the types that dlt is to keep, and without the primary key where it has not its columns."""
        hints = dlt.mark.make_hints(table_name=table_name(self._job, path), columns=dlt_hints(self._schemas[path]))
        if path or not set(self._job.primary_key) <= set(table.column_names):
            hints["primary_key"] = ()  # what is empty is taken away from what the resource says
        return dlt.mark.with_hints(table, hints, create_table_variant=True)


_NUMBER = "_row_number"


def first_rows(job: Job, secret: Secret) -> pa.Table:
    """The first page of a job's rows, in the types that they would have; for a look before a load.

    Raises:
        SourceError, TransientError, ConfigurationError: as a load.
    """
    return RestSource(job, secret, ReadOptions()).first_table()
