"""The SQL by which Unity Catalog learns of the lake's Delta tables; Databricks then reads them in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.jobs.destinations import is_delta_in_lake
from shared.jobs.lake_layout import abfss_url, table_path
from shared.jobs.wildcards import is_wildcard
from shared.models.job import Job


def table_statements(jobs: Iterable[Job], account: str, catalog: str, schema: str | None) -> Iterator[str]:
    """Statements that name the Delta tables which the jobs keep in the lake; what there already is stays as it is.

    Args:
        jobs: The jobs of a workbook; those that write no Delta table of the lake are passed over.
        account: The lake's storage account, by name or as the host of its dfs endpoint.
        catalog: The catalog of the tables.
        schema: Their schema; None for one by each source, called like it.

    Yields:
        Statements, and comments on jobs whose tables are known only when they run.
    """
    tables = [job for job in jobs if job.enabled and is_delta_in_lake(job)]
    named = [(schema or job.source_name, job) for job in tables if not is_wildcard(job)]
    for name in dict.fromkeys(name for name, _ in named):
        yield f"CREATE SCHEMA IF NOT EXISTS {quoted(catalog)}.{quoted(name)};"
    taken: dict[tuple[str, str], str] = {}
    for name, job in named:
        first = taken.setdefault((name.lower(), job.resource_name.lower()), job.job_id)
        if first != job.job_id:
            yield f"-- {job.job_id}: its table would be called like that of {first}; give it another --schema."
            continue
        yield (
            f"CREATE TABLE IF NOT EXISTS {quoted(catalog)}.{quoted(name)}.{quoted(job.resource_name)} "
            f"USING DELTA LOCATION {literal(abfss_url(table_path(job), account))};"
        )
    for job in tables:
        if is_wildcard(job):
            pattern = " ".join(str(job.table_name).split())
            yield f"-- {job.job_id}: which tables table_name {pattern} matches is known when it runs."


def quoted(name: str) -> str:
    """A name as an identifier of Databricks' SQL."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A text as a literal of Databricks' SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
