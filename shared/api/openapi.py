"""The OpenAPI 3.1 document, made from the routes as they are declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.api.answers import ProblemDetails
from shared.api.caller import ROLES
from shared.api.endpoint import Endpoint, File

VERSION = "1.0"
_REF = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "keyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
}
_COMMON_PROBLEMS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "The query or the body is wrong; `problems` says everything that is.",
    HTTPStatus.FORBIDDEN: "The account that signed in lacks the app role.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The app has made a mistake, or is set up wrongly.",
    HTTPStatus.SERVICE_UNAVAILABLE: "What the app needs cannot be reached just now.",
}


def document(endpoints: Sequence[Endpoint], prefix: str = "/api") -> dict[str, Any]:
    """The document.

    Args:
        endpoints: Every route that it describes.
        prefix: Of all routes, as in host.json.
    """
    schemas = _Schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = paths.setdefault(f"{prefix}/{endpoint.path}", {})
        operation[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Excel to lake", "version": VERSION, "description": "Loads that a workbook describes."},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.definitions, "securitySchemes": _KEYS},
    }


class _Schemas:
    """The schemas of every model that a route takes or answers."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemDetails, "serialization")]
        for endpoint in endpoints:
            if "body" in endpoint.takes:
                models.append((endpoint.takes["body"], "validation"))
            models += [(answer.model, "serialization") for answer in endpoint.answers if answer.model is not File]
        self._references, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)
        self.definitions = definitions.get("$defs", {})

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> Mapping[str, Any]:
        """A reference to the schema of a model."""
        return self._references[model, mode]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": (endpoint.handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint)],
        "responses": _responses(endpoint, schemas),
        "security": [] if endpoint.is_open else [{name: list(ROLES[endpoint.changes])} for name in _KEYS],
    }
    if "body" in endpoint.takes:
        schema = schemas.of(endpoint.takes["body"], "validation")
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    elif "content" in endpoint.takes:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}
        for name, pattern in endpoint.path_patterns.items()
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    model: type[BaseModel] | None = endpoint.takes.get("query")
    if model is None:
        return []
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": of_parameter.pop("description", ""),
            "schema": _inlined(of_parameter, schema.get("$defs", {})),
        }
        for name, of_parameter in schema["properties"].items()
    ]


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A parameter's schema without references; null is what an absent parameter is."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]]
    given = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(given) == 1:
        return _inlined(given[0], definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items() if name not in ("title", "default")}


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for answer in endpoint.answers:
        content = {} if answer.model is File else {"schema": schemas.of(answer.model, "serialization")}
        response = responses.setdefault(
            str(answer.status), {"description": HTTPStatus(answer.status).phrase, "content": {}}
        )
        response["content"][answer.media_type] = content
    if not endpoint.is_open:
        responses["401"] = {"description": "No valid key; with a body if an account must sign in, too."}
    problem = {_PROBLEM: {"schema": schemas.of(ProblemDetails, "serialization")}}
    common = {} if endpoint.is_open else _COMMON_PROBLEMS
    for code, description in (common | dict(endpoint.problems)).items():
        responses[str(int(code))] = {"description": description, "content": problem}
    return responses
