"""The endpoints of an API, from its OpenAPI document; it runs in a process of its own, as loads do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.jobs.openapi import list_endpoints
from shared.models.discovery import FoundSource
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.rest.client import ApiClient, Call
from shared.sources.rest.connection import RestConnection

USUAL_PLACES = (
    *("openapi.json", "openapi.yaml", "swagger.json", "swagger/v1/swagger.json", "v3/api-docs", "api-docs"),
    *("/openapi.json", "/openapi.yaml", "/swagger.json", "/swagger/v1/swagger.json", "/v3/api-docs"),
)
"""Where APIs have their document: below base_url, then, with a '/', at the root of its host."""

_LABEL = "the OpenAPI document"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is


def discover_endpoints(
    job: Job,
    secret: Secret,
    report: Callable[[str, int], None],  # noqa: ARG001
    document: str | None,
) -> FoundSource:
    """The endpoints of an API that list rows.

    Args:
        job: Names the source.
        secret: Its connection.
        report: Not called.
        document: The OpenAPI document, or its address, also as a path below base_url; None to look for it where APIs
            usually have it. An address on another host is asked without credentials.

    Raises:
        ConfigurationError: there is no document.
        SourceError: it cannot be fetched, or is not of OpenAPI.
        TransientError: the API cannot be reached now.
    """
    connection = RestConnection.of(secret, job.source_name)
    client = ApiClient(job, connection, secret)
    try:
        if document is None:
            parsed = _look_for(client, connection, job.source_name)
        elif _is_address(document):
            answer = client.fetch(_call(client, connection, document.strip()))
            parsed = _parsed(answer.body.decode("utf-8-sig", "replace"), answer.place)
        else:
            parsed = _parsed(document, "The OpenAPI document")
    finally:
        client.close()
    return FoundSource(readers=False, endpoints=list_endpoints(parsed, connection.base_url))


def _look_for(client: ApiClient, connection: RestConnection, source_name: str) -> object:
    for found in _answers(client, connection):
        if isinstance(found, dict) and {"openapi", "swagger"} & found.keys():
            return found
    raise ConfigurationError(
        f"Source '{source_name}' has no OpenAPI document where APIs usually have one ({', '.join(USUAL_PLACES)}): "
        "give its address or the document with openapi."
    )


def _answers(client: ApiClient, connection: RestConnection) -> Iterator[object]:
    for place in USUAL_PLACES:
        answer = client.peek(_call(client, connection, place))
        if answer is not None:
            try:
                yield _parsed(answer.body.decode("utf-8-sig", "replace"), answer.place)
            except SourceError:
                continue


def _call(client: ApiClient, connection: RestConnection, address: str) -> Call:
    if urlsplit(address).scheme:
        return client.leading(Call(address, _LABEL))
    if address.startswith("/"):
        return Call(urljoin(connection.base_url, address), _LABEL)
    return Call(client.url(address), _LABEL)


def _is_address(text: str) -> bool:
    return "\n" not in text.strip() and not text.lstrip().startswith("{")


def _parsed(text: str, place: str) -> object:
    """JSON, or YAML, of which JSON is a part that reads faster."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.load(text, _Loader)  # noqa: S506  a safe loader: it makes plain values only
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SourceError(
            f"{place} is neither JSON nor YAML: give the address or the text of an OpenAPI document."
        ) from None
