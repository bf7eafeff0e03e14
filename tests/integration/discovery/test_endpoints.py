"""Discovery of an API by its OpenAPI document, served as JSON and YAML, here and on another host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.models.discovery import FoundSource
from shared.secrets import Secret
from shared.settings import settings
from shared.sources.probe import examine_job
from shared.sources.rest.discovery import discover_endpoints
from shared.workbook.discovery_sheet import discover_into
from shared.workbook.target import Target
from shared.workbook.validation import validate
from tests.api_server import ApiServer, Reply, Request, by_offset, requiring
from tests.builders import a_job

ROWS = [{"id": n, "updated_at": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 6)]
ITEM = {"properties": {"id": {"type": "integer"}, "updated_at": {"type": "string", "format": "date-time"}}}
ANSWER = {"properties": {"items": {"type": "array", "items": ITEM}, "total": {"type": "integer"}}}
DOCUMENT = {
    "openapi": "3.0.3",
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    {"name": "offset", "in": "query", "schema": {"type": "integer"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 2}},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": ANSWER}}}},
            }
        },
        "/orders/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": ITEM}}}}}},
    },
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setenv("API_PRIVATE_HOSTS", "127.0.0.1")
    settings.cache_clear()
    with ApiServer() as started:
        started.endpoints["/v1/orders"] = requiring(by_offset(ROWS), authorization="Bearer t0ken-9x")
        yield started
    settings.cache_clear()


def secret(server: ApiServer) -> Secret:
    return Secret({"base_url": f"{server.url}/v1", "auth": "bearer", "token": "t0ken-9x"})


def serve(server: ApiServer, path: str, text: str, **required: str) -> None:
    def answer(_request: Request) -> Reply:
        return Reply(text.encode())

    server.endpoints[path] = requiring(answer, **required) if required else answer


def discover(server: ApiServer, document: str | None) -> FoundSource:
    job = a_job(source_type="API", schema_name=None, table_name=None, source_name="crm_api")
    return discover_endpoints(job, secret(server), lambda _stage, _rows: None, document)


def test_the_rows_are_valid_and_a_dry_run_reads_them(server: ApiServer) -> None:
    found = discover(server, json.dumps(DOCUMENT))
    content, discovered = discover_into(None, found, Target("crm_api", "API"))
    assert {one.name: one.status for one in discovered} == {"/orders": "new", "/orders/{id}": "left out"}
    report = validate(content)
    assert report.problems == report.warnings == ()
    assert report.configuration
    (job,) = report.configuration.jobs
    assert (job.pagination_type, job.api_page_size, job.api_data_path) == ("offset", 2, "items")
    examined = examine_job(job, secret(server), lambda _stage, _rows: None, None, False)
    assert examined.columns.keys() == {"id", "updated_at"}
    again, second = discover_into(content, found, Target("crm_api", "API"))
    assert {one.name: one.status for one in second} == {"/orders": "kept", "/orders/{id}": "left out"}
    assert validate(again).problems == ()


@pytest.mark.parametrize(
    ("place", "asked"),
    [("/v1/openapi.json", None), ("/v3/api-docs", None), ("/v1/spec.yaml", "spec.yaml"), ("/else.json", "/else.json")],
)
def test_the_document_is_found_by_its_address_and_where_apis_have_it(
    server: ApiServer, place: str, asked: str | None
) -> None:
    text = yaml.safe_dump(DOCUMENT) if place.endswith("yaml") else json.dumps(DOCUMENT)
    serve(server, place, text, authorization="Bearer t0ken-9x")
    assert [one.path for one in discover(server, asked).endpoints] == ["/orders", "/orders/{id}"]


def test_another_host_gets_no_credentials(server: ApiServer) -> None:
    seen: list[Any] = []
    with ApiServer() as other:

        def answer(request: Request) -> Reply:
            seen.append(request.headers.get("authorization"))
            return Reply(json.dumps(DOCUMENT).encode())

        other.endpoints["/spec"] = answer
        assert discover(server, f"{other.url}/spec").endpoints
    assert seen == [None]


def test_an_api_without_a_document_is_a_sentence_that_says_what_to_give(server: ApiServer) -> None:
    with pytest.raises(
        ConfigurationError, match="Source 'crm_api' has no OpenAPI document where APIs usually have one"
    ):
        discover(server, None)


@pytest.mark.parametrize("text", ["{}", "{ not: [json", "a: 1\nb: 2"])
def test_what_is_no_document_is_refused(server: ApiServer, text: str) -> None:
    with pytest.raises(SourceError):
        discover(server, text)
