"""What every local service has in common: a folder, a port that survives a restart, start and stop."""

from __future__ import annotations

import json
import secrets
import socket
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import TypeVar

HOST = "127.0.0.1"

# Below the ephemeral ranges of Linux and macOS: no outgoing connection takes a port while its service is stopped.
PORTS = range(20_000, 32_000)

ServiceT = TypeVar("ServiceT", bound="Service")


class ServiceError(RuntimeError):
    """A local service cannot be installed, started or stopped; the text says which and what to do."""


class Service(ABC):
    """A local service: a context manager which may be entered again, on the same data and ports.

    Args:
        folder: where everything the service must remember is kept; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def start(self) -> None:
        """Return when the service answers. Raises ServiceError."""

    @abstractmethod
    def stop(self) -> None:
        """Return when the service has ended and its data is on disk; a second call does nothing."""

    def __enter__(self: ServiceT) -> ServiceT:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def claim_ports(folder: Path, count: int) -> list[int]:
    """Return free ports, those that `folder` remembers if they still are free: addresses survive a restart."""
    memory = folder / "ports.json"
    ports: list[int] = json.loads(memory.read_text()) if memory.exists() else []
    if len(ports) != count or not all(map(_is_free, ports)):
        ports = []
        while len(ports) < count:
            port = secrets.choice(PORTS)
            if port not in ports and _is_free(port):
                ports.append(port)
        memory.write_text(json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
