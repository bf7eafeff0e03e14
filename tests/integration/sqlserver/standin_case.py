"""One stand-in in this process for one test of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tds_standin.client import Client, ServerError
from tests.tds_standin.engine import Engine
from tests.tds_standin.server import Server


class Case:
    """A server of its own, and a client of it."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.server = Server(self.engine).start()
        self._clients: list[Client] = []
        self.client, self.other = self.connect(), self.connect()

    def connect(self, **options: Any) -> Client:
        made = Client(self.server.port, **options)
        self._clients.append(made)
        return made

    def fails(self, number: int, sql: str, client: Client | None = None) -> ServerError:
        with pytest.raises(ServerError) as caught:
            (client or self.client).run(sql)
        assert caught.value.number == number, caught.value.text
        return caught.value

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.server.close()
        self.engine.close()
