"""One HTTP route, as the host and the OpenAPI document know it.

A handler's return annotation is the route's contract: a model is answered with 200, `Accepted[Model]` with 202,
`Annotated[Model, status]` with another status, `Annotated[File, media type]` as a file; `A | B` is one of them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

Model = TypeVar("Model")
Accepted = Annotated[Model, HTTPStatus.ACCEPTED]


@dataclass(frozen=True)
class File:
    """An answer that is not JSON; its media type is in the handler's annotation."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Awaitable[BaseModel | File]]

_IN_THE_PATH = re.compile(r"\{(\w+)\}")
_PATTERNS = {
    "run_id": r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}",
    "source_name": r"[A-Za-z0-9](?:_?[A-Za-z0-9-]){0,59}",
    "job_id": r"[A-Za-z0-9][A-Za-z0-9._~-]{0,999}",
    "refused_id": r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6}Z-[0-9a-f]{12}",
}


@dataclass(frozen=True)
class Possible:
    """One answer that a route may give.

    Attributes:
        status: HTTP status.
        model: What the handler returns for it.
        media_type: Of the body.
    """

    status: int
    model: type[Any]
    media_type: str


@dataclass(frozen=True)
class Endpoint:
    """One route.

    The handler takes what it needs by name: `query` (a model of what follows the `?`), `body` (a model of the JSON
    body) or `content` (its bytes), `client` (the Durable client), `caller`, and the parameters of its path.

    Attributes:
        method: HTTP method.
        path: Without the app's prefix.
        handler: Its name is the function's name in the host, its docstring says what it does.
        problems: When it answers with its own error, by status.
        is_open: Whether it needs no key.

    Raises:
        TypeError: the path has a parameter without a pattern, or the handler does not say what it returns.
    """

    method: str
    path: str
    handler: Handler
    problems: Mapping[int, str] = field(default_factory=dict)
    is_open: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in _IN_THE_PATH.findall(self.path) if name not in _PATTERNS]
        if unknown:
            known = ", ".join(_PATTERNS)
            raise TypeError(f"/{self.path}: no pattern for {', '.join(unknown)}; there is one for {known}")
        if "return" not in self._hints:
            raise TypeError(f"{self.method} /{self.path}: {self.name} has no return annotation, which is its contract")

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
        return {name: self._hints[name] for name in inspect.signature(self.handler).parameters}

    @cached_property
    def answers(self) -> tuple[Possible, ...]:
        """What it answers when all is well."""
        return tuple(_possible(self._hints["return"]))

    @cached_property
    def path_patterns(self) -> Mapping[str, str]:
        """What each parameter of the path looks like."""
        return {name: _PATTERNS[name] for name in _IN_THE_PATH.findall(self.path)}

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return get_type_hints(self.handler, include_extras=True)


def _possible(annotation: Any) -> Iterator[Possible]:
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    for option in options:
        model, *extras = get_args(option) if get_origin(option) is Annotated else (option,)
        status = next((extra for extra in extras if isinstance(extra, HTTPStatus)), HTTPStatus.OK)
        media_type = next((extra for extra in extras if type(extra) is str), "application/json")
        yield Possible(int(status), model, media_type)
