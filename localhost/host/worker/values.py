"""Trigger values as the worker hands them to a function, and what a function returns as the host takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions.blob import InputStream
from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP response; `headers` hold the content type."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def decode(trigger_type: str, value: Any) -> Any:
    """What a function's trigger parameter receives.

    Args:
        trigger_type: e.g. `httpTrigger`.
        value: the arguments of the SDK's object, or JSON text for an activity, or an orchestrator's input.
    """
    if trigger_type == "httpTrigger":
        return func.HttpRequest(**value)
    if trigger_type == "timerTrigger":
        return TimerRequest(**value)
    if trigger_type == "blobTrigger":
        return InputStream(**value)
    if trigger_type == "queueTrigger":
        return QueueMessage(**value)  # type: ignore[no-untyped-call]
    if trigger_type == "activityTrigger":
        return ActivityTriggerConverter.decode(Datum(value, "json"), trigger_metadata=None)
    return value


def encode(trigger_type: str, returned: Any) -> Any:
    """What the host receives of what a function returned.

    Raises:
        TypeError: an HTTP function returned neither a response, a text, bytes nor None.
        ValueError: an activity returned something that is not JSON.
    """
    if trigger_type == "httpTrigger":
        return _http_answer(returned)
    if trigger_type == "activityTrigger":
        return ActivityTriggerConverter.encode(returned, expected_type=None).value
    return returned


def _http_answer(returned: Any) -> HttpAnswer:
    if returned is None:
        return HttpAnswer(204, b"", {})
    if isinstance(returned, (str, bytes, bytearray)):
        body = returned.encode() if isinstance(returned, str) else bytes(returned)
        return HttpAnswer(200, body, {"Content-Type": "text/plain; charset=utf-8"})
    if not isinstance(returned, func.HttpResponse):
        raise TypeError(f"an HTTP function returned {type(returned).__name__}; expected HttpResponse, str or bytes")
    headers = dict(returned.headers.items())
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = f"{returned.mimetype}; charset={returned.charset}"
    return HttpAnswer(returned.status_code, returned.get_body(), headers)
