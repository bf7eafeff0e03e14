"""One HTTP route, as the host and the OpenAPI document know it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

import azure.functions as func
from pydantic import BaseModel

Handler = Callable[..., Awaitable[func.HttpResponse]]
Answer = type[BaseModel] | str
"""A model of JSON, or the media type of anything else."""

_IN_THE_PATH = re.compile(r"\{(\w+)\}")
_PATTERNS = {
    "run_id": r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}",
    "job_id": r"[A-Za-z0-9][A-Za-z0-9._~-]{0,999}",
}


@dataclass(frozen=True)
class Endpoint:
    """One route.

    The handler takes what it needs by name: `query` (a model of what stands behind the `?`), `body` (a model of the
    JSON body) or `content` (its bytes), `client` (the Durable client), `caller`, and the parameters of its path.

    Attributes:
        path: Without the app's prefix.
        handler: Its name is the function's name in the host, its docstring says what it does.
        answers: What it answers when all is well, by status.
        problems: When it answers with an error of its own, by status.
        is_open: Whether it needs no key.
    """

    method: str
    path: str
    handler: Handler
    answers: Mapping[int, tuple[Answer, ...]]
    problems: Mapping[int, str]
    is_open: bool

    @property
    def name(self) -> str:
        """The function's name in the host."""
        return str(self.handler.__name__)

    @property
    def changes(self) -> bool:
        """Whether it may change something: then it needs more, and is audited."""
        return self.method != "GET"

    @cached_property
    def takes(self) -> Mapping[str, Any]:
        """The types of the handler's parameters, by name."""
        hints = get_type_hints(self.handler)
        return {name: hints[name] for name in inspect.signature(self.handler).parameters}

    @cached_property
    def path_patterns(self) -> Mapping[str, str]:
        """What each parameter of the path looks like."""
        return {name: _PATTERNS[name] for name in _IN_THE_PATH.findall(self.path)}
