"""HTTP answers: JSON, and errors as problem JSON (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any

from azure.functions import HttpResponse


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
