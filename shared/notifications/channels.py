"""The channels that a message can take: a new one is a class with two methods, and one entry in `CHANNELS`."""

from __future__ import annotations

from typing import Protocol

from shared.notifications import shapes
from shared.notifications.message import Message
from shared.notifications.webhook import Webhook


class Channel(Protocol):
    """One way to deliver a message to an address, which is a secret."""

    def takes(self, address: str) -> bool:
        """Whether the channel delivers to this address; the first channel that does is used."""

    def send(self, address: str, message: Message) -> None:
        """Deliver a message, once.

        Args:
            address: Where; no error may repeat more of it than its host.
            message: What.

        Raises:
            NotificationError: it was not delivered; the watch timer tries again.
        """


CHANNELS: list[Channel] = [
    Webhook(shapes.teams, (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")),
    Webhook(shapes.slack, ("hooks.slack.com", "hooks.slack-gov.com")),
    Webhook(shapes.plain_json),
]
"""In the order in which an address is offered to them; the last one takes any."""


def channel_for(address: str) -> Channel:
    """The channel that delivers to an address."""
    return next(channel for channel in CHANNELS if channel.takes(address))
