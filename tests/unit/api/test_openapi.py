"""The OpenAPI document says what the app has, all of it and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from function_app import routes
from tests.unit.indexed_routes import INDEXED

DOCUMENT = routes.document()
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_the_document_has_the_routes_of_the_app() -> None:
    described = {
        route: (operation["operationId"], "function" if operation["security"] else "anonymous")
        for route, operation in OPERATIONS.items()
    }
    assert described == INDEXED


def test_the_document_is_of_openapi_31() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
def test_reading_and_changing_need_different_roles(route: tuple[str, str]) -> None:
    roles: set[str] = {role for way in OPERATIONS[route]["security"] for needed in way.values() for role in needed}
    if OPERATIONS[route]["security"]:
        assert "Ingestion.Operator" in roles
        assert ("Ingestion.Reader" in roles) == (route[0] == "GET")


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
def test_every_route_says_what_it_does(route: tuple[str, str]) -> None:
    assert OPERATIONS[route]["summary"].endswith((".", "this document."))


@pytest.mark.parametrize("route", OPERATIONS, ids=" ".join)
def test_every_reference_leads_somewhere(route: tuple[str, str]) -> None:
    names = [reference.rpartition("/")[2] for reference in references(OPERATIONS[route])]
    assert [name for name in names if name not in DOCUMENT["components"]["schemas"]] == []


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for inner in value.values() for found in references(inner)]
    return [found for inner in value for found in references(inner)] if isinstance(value, list) else []
