"""The route that looks into a source and fills in a workbook."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import Counter
from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.api.answers import Answer
from shared.api.http import ProblemError
from shared.api.pools import LimitedPool
from shared.errors.hierarchy import IngestionError, SecretNotFoundError
from shared.jobs.source_types import SOURCE_TYPES
from shared.models.discovery import Discovered
from shared.planning.discovery import Discovery, Wish, discover

_discoveries = LimitedPool(2, "discoveries")


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise ValueError("is not base64") from None
    return text


def _known(name: str) -> str:
    if name not in SOURCE_TYPES:
        raise ValueError(f"is not one of {', '.join(SOURCE_TYPES)}")
    return name


class DiscoverBody(BaseModel):
    """The optional JSON body of `POST /api/sources/{source_name}/discover`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source_type: Annotated[str, AfterValidator(_known)] | None = Field(
        None,
        description="If neither the active workbook nor the secret shows it.",
        json_schema_extra={"enum": [*SOURCE_TYPES, None]},
    )
    schema_name: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None, description="Of the tables; that of the login if it is left out."
    )
    like: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        "*", description="Which tables or endpoints: * is any number of characters."
    )
    views: bool = Field(False, description="Whether views get rows, too.")
    target_container: Annotated[str, Field(pattern="^[a-z0-9](-?[a-z0-9]){2,62}$")] | None = None
    target_folder_path: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    workbook: Annotated[str, AfterValidator(_base64)] | None = Field(
        None, description="An xlsx file in base64, whose rows stay as they are; a new one if it is left out."
    )
    openapi: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Of an API: the address of its OpenAPI document, or the document as JSON or YAML."
    )


class DiscoveryAnswer(Answer):
    """What a source has, and a workbook with it."""

    source_name: str
    source_type: str
    schema_name: str | None
    counts: dict[str, int] = Field(description="How many of each status.")
    found: list[Discovered]
    workbook: str = Field(description="The xlsx file in base64.")


async def discover_source(source_name: str, wanted: DiscoverBody) -> DiscoveryAnswer:
    """Answer `POST /api/sources/{source_name}/discover`.

    404 if the source has no connection; 422 if it refuses, or the workbook cannot be read; 503 if it does not answer.
    """
    wish = Wish(
        source_name=source_name,
        source_type=wanted.source_type,
        schema_name=wanted.schema_name,
        like=wanted.like,
        views=wanted.views,
        container=wanted.target_container,
        folder=wanted.target_folder_path,
        workbook=b64decode(wanted.workbook) if wanted.workbook else None,
        openapi=wanted.openapi,
    )
    try:
        discovery = await _discoveries.run(discover, wish)
    except SecretNotFoundError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from None
    except IngestionError as error:
        if error.retryable:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
    return _answer(source_name, discovery)


def _answer(source_name: str, discovery: Discovery) -> DiscoveryAnswer:
    return DiscoveryAnswer(
        source_name=source_name,
        source_type=discovery.source_type,
        schema_name=discovery.schema_name,
        counts=dict(Counter(one.status for one in discovery.found)),
        found=discovery.found,
        workbook=b64encode(discovery.workbook).decode(),
    )
