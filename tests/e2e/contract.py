"""Holds every answer of the app against its OpenAPI document, whatever a test is about."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import requests

from function_app import routes


def assert_as_documented(response: requests.Response) -> None:
    """The status, the media type and the JSON are among those that the document names for the route."""
    path = urlsplit(response.url).path
    operation = _operation(str(response.request.method), path)
    if operation is None:  # Durable's own routes, and those of the host
        return
    documented = operation["responses"].get(str(response.status_code))
    assert documented, f"{response.request.method} {path} answered {response.status_code}, which is not documented"
    if "content" not in documented or not response.content:
        return
    media_type = response.headers["Content-Type"].partition(";")[0]
    assert media_type in documented["content"], f"{path} answered {media_type}, which is not documented"
    if schema := documented["content"][media_type].get("schema"):
        errors = list(_validator(schema["$ref"]).iter_errors(response.json()))
        assert not errors, f"{path}: {errors[0]}"


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, operations in routes.document()["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


@cache
def _validator(reference: str) -> jsonschema_rs.Validator:
    """Knows the schemas, and takes no property that they do not name unless they say so."""
    schemas = {
        name: {"additionalProperties": False, **schema} if "properties" in schema else schema
        for name, schema in routes.document()["components"]["schemas"].items()
    }
    return jsonschema_rs.validator_for({"$ref": reference, "components": {"schemas": schemas}})
