"""The columns of API jobs beyond the endpoint: where the rows are, how pages follow, what is sent."""

from __future__ import annotations

from shared.jobs.source_types import SOURCE_TYPES
from shared.workbook.api_kinds import EXPORT_OPTIONS, FORMAT_OPTIONS, Options
from shared.workbook.column import Column, When
from shared.workbook.kinds import Choice, Integer, Text
from shared.workbook.structured_kinds import JsonObject, Number, Parameters

_SECRET_HEADERS = (
    *("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "apikey", "x-auth-token"),
    *("x-functions-key", "ocp-apim-subscription-key", "private-token"),
)
# What requests itself sets, what changes the meaning of a request on its way, and what opens Azure's own endpoints.
_OWN_HEADERS = (
    *("host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "proxy-*", "te"),
    *("trailer", "upgrade", "expect", "via", "forwarded", "x-forwarded-*", "x-real-ip", "x-original-*", "x-rewrite-*"),
    *("x-http-method*", "x-method-override", "metadata", "x-identity-header", "secret", "set-cookie*", "range"),
)
_SECRET_PARAMS = ("api_key", "apikey", "access_token", "token", "password", "client_secret")

IS_API = When("source_type", tuple(one.name for one in SOURCE_TYPES.values() if not one.is_database))
_IS_POST = When("api_method", ("POST",))
_HAS_PAGES = When("pagination_type", ("offset", "cursor", "page", "link_header", "next_url", "auto"))
_BY_OFFSET = When("pagination_type", ("offset", "auto"))
_BY_PAGE = When("pagination_type", ("page", "auto"))
_BY_CURSOR = When("pagination_type", ("cursor", "auto"))
_BY_ANSWER = When("pagination_type", ("cursor", "next_url", "auto"))

_PATH = Text(r"[^\s]+", "is not a JSON path like data.items", max_length=256, label="JSON path")
_PARAMETER = Text(r"[^\s=&?#]+", "is not the name of a parameter", max_length=128, label="parameter name")
_TIME_FORMAT = Text(
    r"iso|unix|unix_ms|(?=.*%)([^%]|%[-aAbBcdfGHIjmMpSuUVwWxXyYzZ%])+",
    "is not iso, unix, unix_ms or a strftime format like %Y-%m-%d",
    max_length=64,
    label="text",
)
_ENDPOINT = Text(
    r"/?(?!/)(?![A-Za-z][A-Za-z0-9+.-]*:)[^\s\\#]+",
    "is not a path; the host belongs in the secret as base_url, and parameters in api_params or after '?'",
    max_length=2000,
    label="path",
)

_WINDOWS = Text(
    r"(?:[^/\s]+/[^/\s]+/)?\d+[dhm]?",
    "is not from/to/step such as 2024-01-01/now/30d or 0/250000/1000, nor a step such as 7d, 12h, 15m",
    max_length=100,
    label="from/to/step",
)
_FOR_EACH = Text(
    r"list:\s*[^,\s][^\n]*|[A-Za-z0-9][A-Za-z0-9_-]*\.[^\s]+",
    "is neither job_id.field nor list: a, b, c",
    label="job_id.field",
)

API_COLUMNS = (
    Column(
        "api_endpoint",
        _ENDPOINT,
        "The path of the resource, added to the base_url of the secret.",
        "/api/v1/users",
        required=IS_API,
        applies=IS_API,
    ),
    Column("api_method", Choice(("GET", "POST")), "The HTTP method of the request.", "GET", applies=IS_API),
    Column(
        "pagination_type",
        Choice(("none", "offset", "cursor", "page", "link_header", "next_url", "auto")),
        "How the API divides its answer into pages; auto finds out from the first answer, and none fails if the "
        "answer shows that there are more rows.",
        "offset",
        applies=IS_API,
    ),
)

OPTIONAL_API_COLUMNS = (
    Column(
        "api_data_path",
        _PATH,
        "Where the rows are in the answer, $ for the answer itself; blank finds the list by itself.",
        "data.items",
        applies=IS_API,
    ),
    Column(
        "api_error_path",
        _PATH,
        "Where an answer says that it failed, although its status is a success; - for none. Blank knows the usual "
        "places.",
        "result.errors",
        applies=IS_API,
    ),
    Column(
        "api_response_format",
        Choice(("json", "jsonl", "csv", "excel", "parquet")),
        "The format of the answer. Gzip files and zip archives are unpacked.",
        "json",
        applies=IS_API,
    ),
    Column(
        "api_format_options",
        Options(FORMAT_OPTIONS),
        "How a file is written: encoding, delimiter, quote, header (N if there is none), skip (lines before the "
        "header), sheet (of an Excel workbook), member (of a zip archive, such as *.csv). Blank detects what it "
        "can.",
        "delimiter=;&encoding=windows-1252",
        applies=IS_API,
    ),
    Column(
        "api_nested",
        Choice(("tables", "json")),
        "Nested lists become separate tables and objects columns, or both stay JSON in one column.",
        "tables",
        applies=IS_API,
    ),
    Column(
        "api_params",
        Parameters(_SECRET_PARAMS),
        "Parameters that every request carries.",
        "status=active&sort=id",
        applies=IS_API,
    ),
    Column(
        "api_headers",
        Parameters(_SECRET_HEADERS, _OWN_HEADERS, are_headers=True),
        "Headers that every request carries; secret ones belong in the source's secret.",
        '{"Accept-Language": "en"}',
        applies=IS_API,
    ),
    Column(
        "api_body", JsonObject(), "The body of a POST request.", '{"filter": {"status": "active"}}', applies=_IS_POST
    ),
    Column("api_page_size", Integer(1, 100_000), "Rows that one page should have.", 100, applies=_HAS_PAGES),
    Column(
        "api_limit_param",
        _PARAMETER,
        "The parameter that takes api_page_size; blank is limit.",
        "per_page",
        applies=_HAS_PAGES,
    ),
    Column(
        "api_offset_param",
        _PARAMETER,
        "The parameter that takes the offset, from 0; blank is offset. With POST it is a path in the body.",
        "skip",
        applies=_BY_OFFSET,
    ),
    Column(
        "api_page_param",
        _PARAMETER,
        "The parameter that takes the page's number; blank is page. It counts from 1, or from what api_params says.",
        "page",
        applies=_BY_PAGE,
    ),
    Column(
        "api_cursor_path",
        _PATH,
        "Where the answer gives the next cursor, or with next_url the address of the next page; blank looks for it.",
        "meta.next_cursor",
        applies=_BY_ANSWER,
    ),
    Column(
        "api_cursor_param",
        _PARAMETER,
        "The parameter that takes the cursor; blank is cursor.",
        "after",
        applies=_BY_CURSOR,
    ),
    Column(
        "api_total_path",
        _PATH,
        "Where the answer gives the number of all rows, or the header that does; the load is checked against it.",
        "meta.total",
        applies=IS_API,
    ),
    Column(
        "api_max_pages",
        Integer(1, 10_000_000),
        "A limit: more pages than this are an error. With pagination_type none, 1 takes one page even if there are "
        "more.",
        5000,
        applies=IS_API,
    ),
    Column("api_rate_limit", Number(10_000), "Requests per second, at most.", 5, applies=IS_API),
    Column(
        "api_windows",
        _WINDOWS,
        "The load is divided into windows that are requested one by one: from/to/step, or the step alone to go from "
        "the "
        "watermark to now. {start}, {end} and {last} (just before the end) are a window's ends in the other "
        "cells.",
        "2024-01-01/now/30d",
        applies=IS_API,
    ),
    Column(
        "api_for_each",
        _FOR_EACH,
        "The endpoint is requested for each row of another job of the same source (job_id.field), or for each value of "
        "list: a, b, c. {each} is the value in the other cells; rows get it as parent_field, or as each.",
        "shop_orders_full.id",
        applies=IS_API,
    ),
    Column(
        "api_export",
        Options(EXPORT_OPTIONS),
        "The request starts an export, whose files are the answer: id (where its id is, {export} here), status (the "
        "path or address that says whether it is ready; blank is the header Location), state (where that is said), "
        "done and failed (words; blank knows the usual ones), file (its path, or where its addresses are).",
        "id=id&status=/exports/{export}&state=status&file=files[*].url",
        applies=IS_API,
    ),
    Column(
        "api_next_endpoint",
        _ENDPOINT,
        "The path that is asked for the pages after the first, with nothing but the cursor; blank is api_endpoint.",
        "/_search/scroll?scroll=2m",
        applies=_BY_CURSOR,
    ),
    Column(
        "api_cursor_filter_param",
        _PARAMETER,
        "The parameter that takes the watermark, so that the server sends newer rows only.",
        "updated_since",
        applies=When("load_type", ("INCREMENTAL",)),
    ),
    Column(
        "api_cursor_filter_format",
        _TIME_FORMAT,
        "How the watermark is written there: iso, unix, unix_ms, or a strftime format, in UTC; blank is iso.",
        "%Y-%m-%dT%H:%M:%SZ",
        applies=When("load_type", ("INCREMENTAL",)),
    ),
)
