"""Messages between host and worker: pickled objects with their length in front, over a pair of sockets."""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True)
class EnvironmentReload:
    """The host's first message: what makes a placeholder the worker of this app. It replaces the environment."""

    environment: Mapping[str, str]
    app_folder: Path
    log_level: str


@dataclass(frozen=True)
class Description:
    """What the worker reports of a function: what the host needs to call it."""

    name: str
    bindings: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Loaded:
    """The worker's first message: its functions, or why it has none."""

    functions: tuple[Description, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class Invocation:
    """A call of a function with its trigger's value, and the text that its durable clients receive."""

    invocation_id: str
    function: str
    argument: Any
    durable_client: str


@dataclass(frozen=True)
class Failure:
    """An exception of the app's code: its type's name, its text and its traceback."""

    kind: str
    message: str
    traceback: str


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended."""

    invocation_id: str
    value: Any = None
    failure: Failure | None = None


def encode(message: Any) -> bytes:
    """The bytes of one message."""
    content = pickle.dumps(message)
    return _LENGTH.pack(len(content)) + content


async def read_message(reader: asyncio.StreamReader) -> Any:
    """The next message.

    Raises:
        asyncio.IncompleteReadError: the other side has closed the channel, or is gone.
        ConnectionError: likewise.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))
