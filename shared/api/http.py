"""HTTP answers: JSON, and errors as problem JSON (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from azure.functions import HttpRequest, HttpResponse
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.api.answers import Answer
from shared.api.endpoint import Endpoint, File
from shared.errors.texts import one_line

Body = TypeVar("Body", bound=BaseModel)


MAX_BODY = 4 << 20
"""Bytes of a JSON body; ten thousand ids of jobs are a tenth of it."""

MAX_PROBLEM = 1000
"""Characters of one sentence of an answer."""

MAX_PROBLEMS = 100
"""Problems that one answer lists."""

_OF_THE_HOST = ("code", "clientId")  # a key in the query


def read_body(content: bytes, shape: type[Body]) -> Body:
    """A JSON body as a model; nothing at all counts as an empty object.

    Raises:
        ValueError: one argument per thing that is wrong.
    """
    if len(content) > MAX_BODY:
        raise ValueError(f"the body has more than {MAX_BODY >> 20} MiB")
    try:
        value = json.loads(content) if content.strip() else {}
    except ValueError:
        raise ValueError("the body is not valid JSON") from None
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # nothing that is stored or answered can hold it
        raise ValueError("the body holds half of a character: a surrogate like \\ud800 by itself") from None
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(*(f"{'.'.join(map(str, item['loc']))}: {_message(item)}" for item in error.errors())) from None


def query_of(request: HttpRequest) -> dict[str, str]:
    """The query of a request, with the parameters that are blank: the host leaves those out, and a filter with them."""
    named = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    return {**{name: "" for name, value in named if not value}, **request.params}


def read_query(params: Mapping[str, str], shape: type[Body]) -> Body:
    """The query as a model, without the host's own parameters.

    Raises:
        ValueError: one argument per thing that is wrong.
    """
    try:
        return shape.model_validate({name: value for name, value in params.items() if name not in _OF_THE_HOST})
    except ValidationError as error:
        raise ValueError(*(_query_problem(item, shape) for item in error.errors())) from None


def answer_response(endpoint: Endpoint, answer: BaseModel | File) -> HttpResponse:
    """What a handler has returned, with the status that its annotation gives it; what was never set is left out.

    Raises:
        TypeError: the handler's annotation does not name such an answer.
    """
    possible = next((one for one in endpoint.answers if one.model is type(answer)), None)
    if possible is None:
        raise TypeError(f"{endpoint.name} returned {type(answer).__name__}, which its annotation does not name")
    if isinstance(answer, File):
        return HttpResponse(
            answer.content, status_code=possible.status, mimetype=possible.media_type, headers=dict(answer.headers)
        )
    headers = dict(answer.headers()) if isinstance(answer, Answer) else {}
    text = answer.model_dump_json(exclude_unset=True, by_alias=True)
    return HttpResponse(text, status_code=possible.status, mimetype=possible.media_type, headers=headers)


def problem_response(status: int, detail: str, problems: Sequence[str] = ()) -> HttpResponse:
    """An error in the form of RFC 9457; `problems` lists each thing that is wrong.

    What the caller sent may be quoted in it: every text is cut and made printable.
    """
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status)}
    listed = [one_line(problem, MAX_PROBLEM) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        listed.append(f"and {len(problems) - MAX_PROBLEMS} more")
    text = json.dumps({**body, "detail": one_line(detail, MAX_PROBLEM), "problems": listed}, ensure_ascii=False)
    return HttpResponse(text, status_code=status, mimetype="application/problem+json")


class ProblemError(Exception):
    """A request that cannot be carried out; `response` says so to the caller."""

    def __init__(self, status: int, detail: str, problems: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self._status, self._detail, self._problems = status, detail, problems

    def response(self) -> HttpResponse:
        """The answer."""
        return problem_response(self._status, self._detail, self._problems)


def _query_problem(item: ErrorDetails, shape: type[BaseModel]) -> str:
    name = str(item["loc"][0])
    if item["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in shape.model_fields.items())
        return f"{name}: is not a parameter of this route; it has {known}"
    return f"{name}: '{item['input']}': {_message(item)}"


def _message(item: ErrorDetails) -> str:
    return item["msg"].removeprefix("Value error, ")
