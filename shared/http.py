"""HTTP answers: JSON, and errors as problem JSON (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any, TypeVar

from azure.functions import HttpResponse
from pydantic import BaseModel, ValidationError

Body = TypeVar("Body", bound=BaseModel)


def read_body(content: bytes, shape: type[Body]) -> Body:
    """A JSON body as a model; nothing at all counts as an empty object.

    Raises:
        ValueError: one argument per thing that is wrong.
    """
    try:
        value = json.loads(content) if content.strip() else {}
    except ValueError:
        raise ValueError("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(*(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())) from None


def json_response(
    body: Mapping[str, Any], status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A JSON answer; dates become ISO 8601."""
    text = json.dumps(body, default=_plain, ensure_ascii=False)
    return HttpResponse(text, status_code=status, mimetype="application/json", headers=dict(headers or {}))


def problem_response(status: int, detail: str, problems: Sequence[str] = ()) -> HttpResponse:
    """An error as RFC 9457 wants it; `problems` lists each thing that is wrong."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    text = json.dumps({**body, "problems": list(problems)}, ensure_ascii=False)
    return HttpResponse(text, status_code=status, mimetype="application/problem+json")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value)
