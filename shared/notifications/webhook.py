"""Posting to the webhook. Its address is a secret: whoever knows it may post, so nothing here repeats it."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from shared.errors.hierarchy import TransientError
from shared.notifications.message import Message
from shared.notifications.shapes import payload

_SECONDS = 10.0  # to connect, and between two bytes of the answer
_HERE = ("127.0.0.1", "localhost", "::1")
_UNRESOLVED = "@Microsoft.KeyVault("


class NotificationError(TransientError):
    """A message could not be delivered."""


def post(url: str, message: Message) -> None:
    """Post a message, once.

    Raises:
        NotificationError: the address cannot be used, or what answers there did not take the message. It names the
            host only.
    """
    if url.startswith(_UNRESOLVED):
        raise NotificationError(
            "NOTIFY_WEBHOOK_URL is a Key Vault reference that was not resolved: see whether the secret exists and the "
            "app's identity has the role Key Vault Secrets User."
        )
    address = urlsplit(url)
    if address.hostname is None or (address.scheme != "https" and address.hostname not in _HERE):
        raise NotificationError("NOTIFY_WEBHOOK_URL is not an address that begins with https://.")
    try:
        answer = requests.post(url, json=payload(url, message), timeout=_SECONDS, allow_redirects=False, stream=True)
    except requests.RequestException as error:  # its text holds the whole address
        raise NotificationError(f"The webhook at {address.hostname} broke off: {type(error).__name__}.") from None
    with answer:
        if answer.status_code // 100 != 2:
            raise NotificationError(f"The webhook at {address.hostname} answered {answer.status_code}.")
