"""Posting to a webhook. Its address is a secret, because it is all that a sender needs: no text here repeats it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from shared.errors.hierarchy import TransientError
from shared.notifications.message import Message

_SECONDS = 10.0  # to connect, and between two bytes of the answer
_HERE = ("127.0.0.1", "localhost", "::1")
_UNRESOLVED = "@Microsoft.KeyVault("


class NotificationError(TransientError):
    """A message could not be delivered, or nobody knows whether it was.

    Attributes:
        may_have_arrived: Whether it was sent and no answer came.
    """

    def __init__(self, message: str, may_have_arrived: bool = False) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True)
class Webhook:
    """A channel that posts JSON.

    Attributes:
        payload: The body of a message, as the receiver reads it.
        hosts: Names of hosts that it posts to, or ends of names that begin with a dot; none for any host.
    """

    payload: Callable[[Message], dict[str, Any]]
    hosts: tuple[str, ...] = ()

    def takes(self, address: str) -> bool:
        """Whether the address is on one of the hosts."""
        host = urlsplit(address).hostname or ""
        return not self.hosts or any(
            host.endswith(known) if known.startswith(".") else host == known for known in self.hosts
        )

    def send(self, address: str, message: Message) -> None:
        """Post a message, once.

        Raises:
            NotificationError: the address cannot be used, or its server did not take the message. The text names the
                host only.
        """
        url = _checked(address)
        host = urlsplit(url).hostname
        body = self.payload(message)
        try:
            answer = requests.post(url, json=body, timeout=_SECONDS, allow_redirects=False, stream=True)
        except requests.RequestException as error:  # its text holds the whole address
            text = f"The webhook at {host} broke off: {type(error).__name__}."
            raise NotificationError(text, may_have_arrived=True) from None
        with answer:
            if answer.status_code // 100 != 2:
                raise NotificationError(f"The webhook at {host} answered {answer.status_code}.")


def _checked(address: str) -> str:
    if address.startswith(_UNRESOLVED):
        raise NotificationError(
            "NOTIFY_WEBHOOK_URL is a Key Vault reference that was not resolved: check that the secret exists and that "
            "the app's identity has the role Key Vault Secrets User."
        )
    parts = urlsplit(address)
    if parts.hostname is None or (parts.scheme != "https" and parts.hostname not in _HERE):
        raise NotificationError("NOTIFY_WEBHOOK_URL is not an address that begins with https://.")
    return address
