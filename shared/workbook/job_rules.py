"""What must hold between the cells of one job.

A rule takes the row's typed values with the defaults filled in and yields the column and the message of each breach.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.jobs.api_paths import stays_below
from shared.jobs.destinations import DESTINATIONS
from shared.jobs.filters import FilterError, FilterRules, checked_filter
from shared.jobs.masks import mask_of
from shared.jobs.patterns import matches
from shared.jobs.source_types import is_database
from shared.jobs.source_types import source_type as source_type_of
from shared.jobs.watermarks import as_moment, as_number, misfit
from shared.models.job import Job
from shared.settings import settings
from shared.workbook.cells import quoted

_PLACEHOLDER = re.compile(r"\{(each|start|end|last|watermark)(?::[^{}]+)?\}")

Rule = Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]

# The host's locks, keys and history, and the app's package (infra/main.bicep).
_OWN_CONTAINERS = ("azure-webjobs-", "azure-functions-", "app-package", "function-releases", "scm-releases")
_PAGES_FOLLOW_EACH_OTHER = ("cursor", "link_header", "next_url")


def _filter_is_one_condition(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    text, source_type = row["query_filter"], row.get("source_type")
    if text and is_database(source_type):
        dialect = source_type_of(str(source_type)).filter_dialect or ""
        rules = FilterRules(settings().filter_functions, settings().query_filter_subqueries)
        name = row["table_name"]
        try:
            checked_filter(text, dialect, rules, (row["schema_name"], name) if name and "*" not in name else None)
        except FilterError as error:
            yield "query_filter", f"{quoted(text)} {error}"


def _endpoint_stays_below_base_url(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    path = row["api_endpoint"]
    if path and not stays_below(path):
        yield "api_endpoint", f"{quoted(path)} leaves the path of the source's base_url by '..'; name a path below it"


def _container_is_not_the_apps_own(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = row.get("target_container")
    if name and (name == settings().config_container or name.startswith(_OWN_CONTAINERS)):
        yield "target_container", f"{quoted(name)} is a container that the app keeps for itself; choose another one"


def _watermark_fits(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    text = row["last_watermark"]
    if text and row.get("load_type") == "INCREMENTAL":
        wrong = misfit(text, row["column_types"].get(row["watermark_column"]))
        if wrong:
            yield "last_watermark", f"{quoted(text)} {wrong}"


def _lookback_can_update(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["lookback"] and row.get("load_type") == "INCREMENTAL":
        if row["table_format"] != "delta":
            yield "lookback", f"'{row['lookback']}' reads rows again, which only table_format delta can update"
        elif not row["primary_key"]:
            yield "lookback", f"'{row['lookback']}' reads rows again; give the primary_key by which to update them"


def _deletes_can_be_detected(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    mode = row["detect_deletes"]
    if mode == "none":
        return
    if row.get("load_type") == "FULL":
        message = "does nothing with load_type FULL, which replaces the table and so drops rows that are gone"
        yield "detect_deletes", f"'{mode}' {message}; leave it blank"
    elif "source_type" in row and not is_database(row["source_type"]):
        yield "detect_deletes", f"'{mode}' compares keys with a database, and an API has none to compare with"
    elif row["table_format"] != "delta":
        yield "detect_deletes", f"'{mode}' changes rows, which only table_format delta can do"
    elif not row["primary_key"]:
        yield "detect_deletes", f"'{mode}' compares keys; give the primary_key"


def _partitions_need_delta(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["partition_by"] and row["table_format"] != "delta":
        yield "partition_by", f"{quoted(', '.join(row['partition_by']))} needs table_format delta"


def _destination_has_its_limits(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    destination = DESTINATIONS[row["destination"]]
    if row["table_format"] not in destination.table_formats:
        formats = " or ".join(destination.table_formats)
        wrong = f"{quoted(row['table_format'])} is not what {destination.label} keeps its tables in"
        yield "table_format", f"{wrong}; use {formats}"
    for column in destination.unsupported:
        if row[column] != Job.model_fields[column].get_default():
            yield column, f"does not work with destination {destination.name}; leave it blank"


def _needed_columns_are_read(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    included, excluded = row["included_columns"], row["excluded_columns"]
    needed = [("watermark_column", row["watermark_column"])] if row.get("load_type") == "INCREMENTAL" else []
    needed += [("primary_key", name) for name in row["primary_key"]]
    needed += [("partition_by", name) for name in row["partition_by"]]
    for column, name in needed:
        if name and included and not matches(included, name):
            yield "included_columns", f"leaves out '{name}', which is the {column}; add it"
        if name and matches(excluded, name):
            yield "excluded_columns", f"leaves out '{name}', which is the {column}; let it stay"


def _masks_fit_their_columns(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Values of a watermark, a partition or a range would be seen in states, folders and queries."""
    seen = {"watermark_column": row["watermark_column"] if row.get("load_type") == "INCREMENTAL" else None}
    seen |= {"partition_column": row["partition_column"]}
    plain = [(column, name) for column, name in seen.items() if name]
    plain += [("partition_by", name) for name in row["partition_by"]]
    typed, keys = {name.casefold() for name in row["column_types"]}, {one.casefold() for one in row["primary_key"]}
    for name, text in row["masked_columns"].items():
        for column, other in plain:
            if other.casefold() == name.casefold():
                yield "masked_columns", f"masks '{name}', which is in {column}, where its values are seen: take it out"
        if name.casefold() in keys and mask_of(text).kind != "hash":
            yield "masked_columns", f"'{name}:{text}' is in primary_key, where only hash keeps the rows apart; use hash"
        if name.casefold() in typed:
            yield "column_types", f"gives a type to '{name}', whose type follows its mask; take it out"


def _masks_may_lack_their_column(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    optional = next((name for name, text in row["masked_columns"].items() if mask_of(text).is_optional), None)
    if optional and is_database(row.get("source_type")) and "*" not in (row["table_name"] or ""):
        message = "has a ?, but a single table has the column or not, and without it nothing would be masked"
        yield "masked_columns", f"'{optional}:{row['masked_columns'][optional]}' {message}; leave out the ?"


def _masked_columns_are_read(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not is_database(row.get("source_type")):
        return  # a field of an object is read with the object
    for name in row["masked_columns"]:
        if row["included_columns"] and not matches(row["included_columns"], name):
            yield "masked_columns", f"masks '{name}', which included_columns leaves out; take it out of the cell"
        elif matches(row["excluded_columns"], name):
            yield (
                "masked_columns",
                f"masks '{name}', which excluded_columns leaves out; take it out of one cell",
            )


def _wildcards_are_in_table_names(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "*" in (row["schema_name"] or ""):
        yield "schema_name", f"{quoted(row['schema_name'])} holds *, which is allowed in table_name only"


def _parquet_cannot_update(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["primary_key"] and row["table_format"] == "parquet" and row.get("load_type") == "INCREMENTAL":
        message = "does not prevent duplicates of changed rows with table_format parquet, which appends; use delta"
        yield "primary_key", f"{quoted(', '.join(row['primary_key']))} {message}"


def _watermark_is_a_number_or_date(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    text = row["last_watermark"]
    if text and row.get("load_type") == "INCREMENTAL" and as_number(text) is None and as_moment(text) is None:
        yield "last_watermark", f"{quoted(text)} is neither a number nor a date and is compared as text"


def _partitions_need_readers(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["partition_column"] and row["parallelism"] == 1:
        yield "partition_column", f"{quoted(row['partition_column'])} has no effect while parallelism is 1"


def _exclusions_need_a_wildcard(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["excluded_tables"] and "*" not in (row["table_name"] or ""):
        yield "excluded_tables", f"{quoted(', '.join(row['excluded_tables']))} has no effect without * in table_name"


def _schemas_have_their_own_column(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "." in (row["table_name"] or "") and is_database(row.get("source_type")):
        yield "table_name", f"{quoted(row['table_name'])} holds a dot; a schema belongs in schema_name"


def _pages_follow_each_other(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if row["pagination_type"] in _PAGES_FOLLOW_EACH_OTHER and (row["parallelism"] or 1) > 1:
        message = f"has no effect with pagination_type {row['pagination_type']}: each page names the next one"
        yield "parallelism", f"'{row['parallelism']}' {message}"


def _zones_are_for_apis(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    zoned = [name for name, kind in row["column_types"].items() if kind.startswith("timestamp(")]
    if zoned and is_database(row.get("source_type")):
        yield "column_types", f"gives a zone to '{zoned[0]}', which only an API's local times need"


def _filter_is_named_once(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = row["api_cursor_filter_param"]
    if name and row.get("load_type") == "INCREMENTAL" and (name in row["api_params"] or name in row["api_body"]):
        place = "api_params" if name in row["api_params"] else "api_body"
        message = f"{quoted(name)} is in {place} too, and one would replace the other; start with last_watermark"
        yield "api_cursor_filter_param", f"{message}, or write {{watermark}} into that value"


def _placeholders_have_values(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    cells = ("api_endpoint", "api_params", "api_headers", "api_body")
    wanted = {column: set(_PLACEHOLDER.findall(str(row[column]))) for column in cells}
    needs = {"each": "api_for_each", "start": "api_windows", "end": "api_windows", "last": "api_windows"}
    for column, names in wanted.items():
        for name in sorted(names & needs.keys()):
            if not row[needs[name]]:
                yield column, f"holds {{{name}}}, which has a value only with {needs[name]}"
        if "watermark" in names and row.get("load_type") != "INCREMENTAL":
            yield column, "holds {watermark}, which has a value only with load_type INCREMENTAL"
    for setting, some in (("api_for_each", {"each"}), ("api_windows", {"start", "end", "last"})):
        if row[setting] and not some & set().union(*wanted.values()):
            shown = " or ".join(f"{{{name}}}" for name in sorted(some))
            yield setting, f"{quoted(row[setting])} changes nothing unless another cell holds {shown}"


def _export_has_an_id(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    options = row["api_export"]
    if "id" not in options and any("{export}" in text for text in options.values()):
        yield "api_export", "holds {export}, which has a value only with id, such as id=data.id"


ERRORS: tuple[Rule, ...] = (
    _export_has_an_id,
    _placeholders_have_values,
    _zones_are_for_apis,
    _filter_is_named_once,
    _filter_is_one_condition,
    _endpoint_stays_below_base_url,
    _container_is_not_the_apps_own,
    _watermark_fits,
    _lookback_can_update,
    _deletes_can_be_detected,
    _partitions_need_delta,
    _destination_has_its_limits,
    _needed_columns_are_read,
    _masks_fit_their_columns,
    _masks_may_lack_their_column,
    _masked_columns_are_read,
    _wildcards_are_in_table_names,
)
WARNINGS: tuple[Rule, ...] = (
    _parquet_cannot_update,
    _watermark_is_a_number_or_date,
    _partitions_need_readers,
    _exclusions_need_a_wildcard,
    _schemas_have_their_own_column,
    _pages_follow_each_other,
)
