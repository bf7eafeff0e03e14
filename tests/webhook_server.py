"""A webhook on this machine that keeps what is posted to it, and answers as the test says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.post_server import post_server


@dataclass
class Webhook:
    """A webhook.

    Attributes:
        url: Its address.
        answers: Statuses of the next answers; afterwards 202. Seconds below 100 are a silence instead of an answer.
        messages: The bodies of all requests, also of those that were not taken.
    """

    url: str = ""
    answers: list[float] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def receive(self, _path: str, body: bytes) -> int | None:
        """Keep the message; gives the status of the answer, None after a silence."""
        self.messages.append(json.loads(body))
        answer = self.answers.pop(0) if self.answers else 202
        if answer < 100:
            time.sleep(answer)
            return None
        return int(answer)


@contextmanager
def webhook_server(path: str = "/") -> Iterator[Webhook]:
    """A webhook that listens on a port of its own."""
    webhook = Webhook()
    with post_server(webhook.receive) as address:
        webhook.url = f"{address}{path}"
        yield webhook
