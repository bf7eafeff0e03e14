"""List endpoints, their rows and pages, read off OpenAPI documents of all three versions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors.hierarchy import SourceError
from shared.jobs.openapi import list_endpoints
from shared.models.discovery import FoundEndpoint

ITEM = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "updated_at": {"type": "string", "format": "date-time"}},
}
LIST = {"type": "array", "items": ITEM}


def a_document(schema: Any, *parameters: Any, path: str = "/orders", headers: Any = None, **more: Any) -> Any:
    response = {"content": {"application/json": {"schema": schema}}, "headers": headers or {}}
    operation = {"parameters": list(parameters), "responses": {"200": response}}
    return {"openapi": "3.0.3", "paths": {path: {"get": operation}}, **more}


def query(name: str, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def only(document: Any, base_url: str = "https://api.example.com") -> FoundEndpoint:
    (endpoint,) = list_endpoints(document, base_url)
    return endpoint


def wrapped(**more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"data": LIST, **more}}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (LIST, "$"),
        (wrapped(), "data"),
        ({"type": "object", "properties": {"result": wrapped(), "errors": LIST}}, "result.data"),
        ({"type": "object", "properties": {"included": LIST, "orders": LIST}}, "orders"),
        ({"allOf": [{"properties": {"total": {"type": "integer"}}}, {"properties": {"items": LIST}}]}, "items"),
        ({"oneOf": [{"type": "string"}, wrapped()]}, "data"),
    ],
)
def test_the_list_of_rows_is_found(schema: Any, path: str) -> None:
    assert only(a_document(schema)).cells["api_data_path"] == path


STRING, WHOLE = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("document", "cells"),
    [
        (
            a_document(wrapped(total=WHOLE), query("offset"), query("limit", maximum=500)),
            {"pagination_type": "offset", "api_offset_param": "offset", "api_limit_param": "limit",
             "api_page_size": 500, "api_total_path": "total"},
        ),
        (
            a_document(LIST, query("page"), query("per_page", default=30)),
            {"pagination_type": "page", "api_page_param": "page", "api_limit_param": "per_page", "api_page_size": 30},
        ),
        (
            a_document(wrapped(meta={"properties": {"next_cursor": STRING}}), query("cursor")),
            {"pagination_type": "cursor", "api_cursor_param": "cursor", "api_cursor_path": "meta.next_cursor"},
        ),
        (a_document(wrapped(next=STRING), query("page")), {"pagination_type": "next_url", "api_cursor_path": "next"}),
        (a_document({"properties": {"value": LIST, "@odata.nextLink": STRING}}), {"pagination_type": "next_url"}),
        (a_document(LIST, headers={"Link": {}}), {"pagination_type": "link_header"}),
        (a_document(LIST), {"pagination_type": "auto"}),
        (a_document(LIST, query("page[number]"), query("page[size]")),
         {"pagination_type": "page", "api_page_param": "page[number]", "api_limit_param": "page[size]"}),
    ],
)  # fmt: skip
def test_how_pages_follow_is_found(document: Any, cells: dict[str, Any]) -> None:
    endpoint = only(document)
    about_pages = {"api_cursor_path", "api_cursor_param", "api_page_param", "api_offset_param", "api_limit_param"}
    about_pages |= {"pagination_type", "api_page_size", "api_total_path"}
    assert {name: value for name, value in endpoint.cells.items() if name in about_pages} == cells
    assert endpoint.reasons["pagination_type"]


def test_an_endpoint_that_sends_newer_rows_is_loaded_by_them() -> None:
    endpoint = only(a_document(LIST, query("updated_since", format="date-time")))
    expected = {"load_type": "INCREMENTAL", "watermark_column": "updated_at", "primary_key": "id"}
    assert {name: endpoint.cells[name] for name in expected} == expected
    assert (endpoint.cells["api_cursor_filter_param"], endpoint.cells["table_format"]) == ("updated_since", "delta")
    assert only(a_document(LIST, query("created_since"))).cells["load_type"] == "FULL"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (a_document(LIST, path="/orders/{id}/lines"), "asks for id: a row with api_for_each"),
        (a_document({"type": "object", "properties": {"status": STRING}}), "does not say that it answers a list"),
        (a_document({"type": "array", "items": STRING}), "does not say that it answers a list"),
        (a_document(None), "does not say that it answers a list"),
        (a_document(LIST, query("account", required=True)), "asks for account"),
    ],
)
def test_what_no_row_can_read_is_left_out_with_the_reason(document: Any, reason: str) -> None:
    assert reason in str(only(document).error)


def test_a_required_parameter_takes_the_documents_value() -> None:
    endpoint = only(a_document(LIST, query("version", required=True, default=2), query("limit", required=True)))
    assert (endpoint.cells["api_params"], endpoint.cells["api_page_size"]) == ("version=2", 100)


@pytest.mark.parametrize(
    ("more", "base_url", "path"),
    [
        ({"servers": [{"url": "https://api.example.com/v2"}]}, "https://api.example.com", "/v2/orders"),
        ({"servers": [{"url": "/v2"}]}, "https://api.example.com/v2/", "/orders"),
        ({"servers": [{"url": "https://{tenant}.example.com/v2"}]}, "https://a.example.com/v2", "/orders"),
        ({}, "https://api.example.com/any", "/orders"),
    ],
)
def test_a_path_is_below_the_base_url(more: dict[str, Any], base_url: str, path: str) -> None:
    assert only(a_document(LIST, **more), base_url).path == path


def test_a_document_of_version_2_is_read() -> None:
    operation = {
        "parameters": [{"$ref": "#/parameters/size"}, {"name": "page", "in": "query", "type": "integer"}],
        "responses": {"200": {"schema": {"$ref": "#/definitions/Orders"}}},
    }
    endpoint = only(
        {
            "swagger": "2.0",
            "basePath": "/api",
            "parameters": {"size": {"name": "size", "in": "query", "type": "integer", "maximum": 50}},
            "definitions": {
                "Orders": {"properties": {"content": {"type": "array", "items": {"$ref": "#/definitions/O"}}}},
                "O": ITEM,
            },
            "paths": {"/orders": {"get": operation}},
        }
    )
    assert (endpoint.path, endpoint.cells["api_data_path"], endpoint.cells["api_page_size"]) == (
        "/api/orders",
        "content",
        50,
    )
    assert endpoint.columns == {"id": "integer", "updated_at": "string (date-time)"}


def test_references_in_a_circle_end() -> None:
    circle: Any = {"components": {"schemas": {"A": {"properties": {"a": {"$ref": "#/components/schemas/A"}}}}}}
    assert only(a_document({"$ref": "#/components/schemas/A"}, **circle)).error
    loop: Any = {"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}}
    assert only(a_document({"$ref": "#/components/schemas/A"}, **loop)).error


@pytest.mark.parametrize("document", [[], {}, {"paths": {}}, "text", None])
def test_what_is_no_openapi_document_is_refused(document: object) -> None:
    with pytest.raises(SourceError, match="not of OpenAPI"):
        list_endpoints(document, "https://api.example.com")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["get", "parameters", "responses", "200", "schema", "properties", "items", "type", "allOf", "$ref"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(item=JSON)
def test_a_document_with_any_content_is_read(item: Any) -> None:
    for endpoint in list_endpoints({"openapi": "3.1.0", "paths": {"/a": {"get": item}, "/b": item}}, "https://a"):
        assert endpoint.error or endpoint.cells["api_data_path"]
