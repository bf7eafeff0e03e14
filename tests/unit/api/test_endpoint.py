"""A handler's return annotation is the contract of its route."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from shared.api.answers import RunAccepted
from shared.api.endpoint import Accepted, Endpoint, File
from shared.api.http import answer_response


class Found(BaseModel):
    """An answer."""

    name: str


class Missing(Found):
    """Another one."""


async def several(run_id: str) -> Found | Accepted[RunAccepted] | Annotated[Missing, HTTPStatus.GONE]:
    """Answers in one of three ways."""
    raise NotImplementedError


async def a_file() -> Annotated[File, "text/html"]:
    """Answers with a file."""
    raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (Found(name="a"), 200, {"name": "a"}),
        (RunAccepted(run_id="r", run="/api/runs/r"), 202, {"run_id": "r", "run": "/api/runs/r"}),
        (Missing(name="b"), 410, {"name": "b"}),
    ],
)
def test_an_answer_gets_the_status_of_its_annotation(answer: BaseModel, status: int, body: dict[str, Any]) -> None:
    response = answer_response(Endpoint("GET", "runs/{run_id}", several), answer)
    assert (response.status_code, json.loads(response.get_body())) == (status, body)
    assert response.mimetype == "application/json"


def test_a_file_gets_the_media_type_of_its_annotation() -> None:
    response = answer_response(Endpoint("GET", "page", a_file), File(b"<p>", {"Cache-Control": "no-cache"}))
    assert (response.mimetype, response.get_body(), response.headers["Cache-Control"]) == (
        "text/html",
        b"<p>",
        "no-cache",
    )


def test_an_accepted_run_says_where_it_is_described() -> None:
    answer = RunAccepted(run_id="r", run="/api/runs/r")
    response = answer_response(Endpoint("GET", "runs/{run_id}", several), answer)
    assert response.headers["Location"] == "/api/runs/r"


def test_an_answer_that_the_annotation_does_not_name_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="several returned Other"):
        answer_response(Endpoint("GET", "runs/{run_id}", several), type("Other", (BaseModel,), {})())


def test_a_path_parameter_without_a_pattern_fails_when_the_route_is_declared() -> None:
    with pytest.raises(
        TypeError,
        match=r"/runs/\{color\}: no pattern for color; there is one for run_id, source_name, job_id, refused_id",
    ):
        Endpoint("GET", "runs/{color}", several)


def test_a_handler_without_a_return_annotation_fails_when_the_route_is_declared() -> None:
    async def silent(run_id: str):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    with pytest.raises(TypeError, match="silent has no return annotation, which is its contract"):
        Endpoint("GET", "runs/{run_id}", silent)
