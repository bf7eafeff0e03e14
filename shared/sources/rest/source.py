"""An endpoint of a REST API as a dlt resource: all pages first, then their rows as Arrow tables in settled types."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any, ClassVar

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.extract import DltResource

from shared.errors.hierarchy import SourceError
from shared.jobs.destinations import destination_type
from shared.jobs.lake_layout import ROOT_ID
from shared.jobs.value_range import ValueRange
from shared.models.attempt import Examination, MaskedSample
from shared.models.job import Job, LoadType
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.backfill import backfill_range
from shared.sources.columns import ReadColumn
from shared.sources.evolution import contract_violation
from shared.sources.masking import remember, sample_of
from shared.sources.rest.client import ApiClient
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.gathering import Gathering
from shared.sources.rest.increment import NewRows
from shared.sources.rest.keyed import Lists
from shared.sources.rest.masking import RowMasks
from shared.sources.rest.memory import MEMORY, Memory
from shared.sources.rest.output import Output, Schemas
from shared.sources.rest.page import Page, PageReader
from shared.sources.rest.reading import Answered, keeps_answers, load_pages
from shared.sources.rest.schemas import conformed, earlier_schemas, rows_schema, table_name
from shared.sources.rest.server_filter import server_filter, watermark_of
from shared.sources.rest.staging import Staging
from shared.sources.rest.tables import LINKS, ROOT, ROW_ID, Path
from shared.sources.source import ReadOptions, write_disposition


class RestSource:
    """One endpoint of an API."""

    applies_masks: ClassVar[bool] = True

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None:
        self.job = job
        self.options = options
        self.secret = secret
        self.connection = RestConnection.of(secret, job.source_name)
        self.loaded_range: ValueRange | None = None
        self.primary_key = job.primary_key
        self._earlier: dict[str, dict[str, pa.DataType]] = {}
        self._masks = RowMasks(job, options.mask_key)

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
        return contract_violation(error, self.job) or error  # the client explains its own where they happen

    def examine(self) -> Examination:
        """What a load would read, seen from the first page, which is fetched."""
        if self.job.api_export:
            return Examination(sql=self._order(), columns={}, watermark_column=self.job.watermark_column)
        page, table = self._first_page()
        call = page.call
        return Examination(
            sql=" ".join([call.method, call.url, *(f"{name}={value}" for name, value in call.params.items())]),
            columns={field.name: str(field.type) for field in table.schema},
            watermark_column=self.job.watermark_column,
            rows_estimated=page.total,
            masked=self._masked_sample(table),
        )

    def _masked_sample(self, table: pa.Table) -> dict[str, MaskedSample]:
        """What a load would write into the masked columns of its first rows, in the table of the rows themselves."""
        return {
            name: sample_of(mask, table.schema.field(name).type, table.column(name))
            for (path, name), mask in self._masks.found.items()
            if path == ROOT and name in table.column_names
        }

    def _order(self) -> str:
        """The request that orders the export, which a look at it must not order."""
        return f"{self.job.api_method} {self.connection.base_url.rstrip('/')}/{str(self.job.api_endpoint).lstrip('/')}"

    def _first_page(self) -> tuple[Page, pa.Table]:
        client, gathering = self._open()
        try:
            found = load_pages(PageReader(self.job, client), self._filter(), self._watermark(), Staging(self.job))
            one = next(found, None)
            if one is None or isinstance(one, Answered):
                raise SourceError(f"Job '{self.job.job_id}': there is nothing that its endpoint could be asked for.")
            page = one[1]
            gathering.add(page, self._masked(page))
            self._finish_masks(gathering)
            schema = self._schemas(gathering)[ROOT]
            run = next(gathering.runs(), None)
            rows = run.tables[ROOT] if run else schema.empty_table()
            return page, conformed(rows, schema, self.job.column_types)
        finally:
            client.close()
            gathering.close()

    def _tables(self) -> Iterator[Any]:
        memory = self._memory()
        client, gathering = self._open(memory)
        key = self.options.mask_key.version if self.options.mask_key else ""
        staging = Staging(self.job, self.options.stage if keeps_answers(self.job) else None, key)
        try:
            reader = PageReader(self.job, client, memory.rows_path, memory.fields)
            rows = self._gather(reader, gathering, staging)
            gathering.settle()
            client.close()
            memory.refuse_empty(rows)
            self._finish_masks(gathering)
            remember(self.job, self._masks.labels(), self.options.mask_key, self.options.full_refresh)
            yield from self._output(gathering).items()
            memory.save(rows, reader, gathering.shapes.nested)
        finally:
            client.close()
            gathering.close()

    def _gather(self, reader: PageReader, gathering: Gathering, staging: Staging) -> int:
        """Read all pages; gives the number of rows. What is whole is kept for the next attempt if this one fails."""
        rows = 0
        try:
            for one in load_pages(reader, self._filter(), self._watermark(), staging):
                if isinstance(one, Answered):
                    gathering.finish(one.ask)
                    if not one.is_gone:
                        staging.finish(one.call, one.rows_path, one.fields)
                    continue
                call, page = one
                masked = self._masked(page)
                gathering.add(page, masked)
                if not self._masks.is_whole:
                    staging.leave_out(call)  # a column that is gone may have another name, and no mask
                elif staging.keeps:
                    staging.add(call, page, gathering.read_of(masked))
                came = 0 if page.beyond else len(page.rows)
                rows += came
                self.options.report_rows(came)
        except Exception:
            staging.flush()
            raise
        return rows

    def _masked(self, page: Page) -> list[Any]:
        """The rows of a page as all that follows may see them; an earlier attempt has masked those that it has kept."""
        rows = [row for row in page.rows if row is not None]
        if page.staged:
            self._masks.look_at(rows)
            return rows
        return self._masks.masked(rows)

    def _finish_masks(self, gathering: Gathering) -> None:
        """After the last page: see that every masked column came. Raises as `RowMasks.finish`."""
        earlier = self._earlier.get(self.job.resource_name, {})
        columns = frozenset(gathering.types[ROOT].names() if ROOT in gathering.types else ()) - {*LINKS}
        for name in self._masks.finish(self.options.masked_before, frozenset(earlier), columns):
            self.options.warn(f"masked_columns '{name}' was in no row of this load: see that its name is right.")
        self.options.report_masked(self._masks.labels())

    def _open(self, memory: Memory | None = None) -> tuple[ApiClient, Gathering]:
        client = ApiClient(self.job, self.connection, self.secret)
        shapes = memory.shapes if memory and self._adds else {}
        return client, Gathering(self.job, settings().work_folder, shapes, load=token_hex(8))

    def _memory(self) -> Memory:
        known = dlt.current.source_state().setdefault(MEMORY, {})  # a resource's own state is gone when it is replaced
        state = known.setdefault(self.job.resource_name, {})
        if self.options.full_refresh:
            state.clear()
            dlt.current.resource_state().clear()
        return Memory(self.job, state)

    def _filter(self) -> dict[str, str]:
        return server_filter(self.job, self._start(), self._watermark_type())

    def _start(self) -> str | None:
        """Where an INCREMENTAL load starts."""
        if self.job.load_type is not LoadType.INCREMENTAL:
            return None
        last = None if self.options.full_refresh else self.options.watermark
        return self.options.start or last or self.job.last_watermark

    def _watermark(self) -> Any:
        start = self._start()
        return None if start is None else watermark_of(self.job, start, self._watermark_type())

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
        before, masked = earlier.get(self.job.resource_name, {}), self._masks.types()
        root = rows_schema(self.job, gathering.types.get(ROOT), before, keep, masked)
        schemas: Schemas = {}
        for path, types in gathering.types.items():
            if path:
                schemas[path] = types.schema(self._masks.types(path), earlier.get(table_name(self.job, path), {}), keep)
        start = len(table_name(self.job, ("",)))
        known = {self.job.resource_name, *(table_name(self.job, path) for path in schemas)}
        for name, columns in earlier.items():
            if name not in known:
                schemas[name[start:],] = pa.schema(list(columns.items()))
        if self._updates_lists:
            schemas = {path: _with_root_id(schema) for path, schema in schemas.items()}
        if not schemas and len(root) > 1 and ROW_ID in root.names:
            root = root.remove(root.get_field_index(ROW_ID))
        found = {ROOT: root, **schemas}
        for path, schema in found.items():
            self._refuse_names_of_one_spelling(path, schema)
        return found

    def _refuse_names_of_one_spelling(self, path: Path, schema: pa.Schema) -> None:
        """Raises SourceError for fields that differ in case only: Delta and Spark cannot distinguish them."""
        first: dict[str, str] = {}
        for name in schema.names:
            other = first.setdefault(name.casefold(), name)
            if other != name:
                raise SourceError(
                    f"Job '{self.job.job_id}': the fields '{other}' and '{name}' of table "
                    f"'{table_name(self.job, path)}' "
                    "differ in case only, which most readers of a lake cannot distinguish; leave one of them out with "
                    "excluded_columns."
                )

    def _output(self, gathering: Gathering) -> Output:
        schemas = self._schemas(gathering)
        self._refuse_updates_of_lists(schemas)
        state = dlt.current.resource_state()
        if self.job.load_type is not LoadType.INCREMENTAL:
            state.clear()  # a table that is replaced continues from no earlier watermark
        if self.job.load_type is not LoadType.INCREMENTAL or ROOT not in gathering.types:
            return Output(self.job, gathering, schemas)
        new_rows = NewRows(self.job, self.options, schemas[ROOT], state, self.loaded_range)
        replaces = not isinstance(write_disposition(self.job, self.options), dict)
        lists = Lists(schemas, self.job.primary_key, replaces) if self._updates_lists and len(schemas) > 1 else None
        return Output(self.job, gathering, schemas, new_rows, lists)

    @property
    def _updates_lists(self) -> bool:
        """Whether rows are updated by key in a lake that can replace the rows of their lists."""
        job = self.job
        is_upsert = job.load_type is LoadType.INCREMENTAL and job.table_format == "delta" and bool(job.primary_key)
        return is_upsert and destination_type(job.destination).keeps_record

    def _refuse_updates_of_lists(self, schemas: Schemas) -> None:
        """Raises SourceError where rows of a nested list would have to be updated, which nothing names."""
        by_key = self._adds and self.job.table_format == "delta" and bool(self.job.primary_key)
        if len(schemas) > 1 and (by_key or self.options.end) and not self._updates_lists:
            names = ", ".join(path[-1] for path in schemas if path)
            how = "updates rows by primary_key" if by_key else "loads a range again"
            raise SourceError(
                f"Job '{self.job.job_id}' {how}, but the rows hold the lists {names}, whose own rows have no key: "
                "set api_nested to json, or leave the lists out with excluded_columns."
            )


def _with_root_id(schema: pa.Schema) -> pa.Schema:
    return schema if ROOT_ID in schema.names else schema.append(pa.field(ROOT_ID, pa.string()))
