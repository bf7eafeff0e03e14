"""A message in the form that its receiver reads; pure. Texts of sources are never read as markup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from shared.notifications.message import Message, Section

Payload = dict[str, Any]

_TEAMS = (".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com")
_SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
_SLACK_TEXT_LIMIT = 3000  # characters of a block's text


def payload(url: str, message: Message) -> Payload:
    """The body to post to a webhook: for Teams and Slack by the host of its address, else plain JSON."""
    return _shape(urlsplit(url).hostname or "")(message)


def _shape(host: str) -> Callable[[Message], Payload]:
    if host.endswith(_TEAMS):
        return _teams
    return _slack if host in _SLACK else _json


def _lines(section: Section) -> list[str]:
    lines = [": ".join(part for part in line if part) for line in section.lines]
    return [*lines, f"… and {section.more} more"] if section.more else lines


def _teams(message: Message) -> Payload:
    """An Adaptive Card in the envelope of a Teams workflow "When a Teams webhook request is received"."""
    body: list[Payload] = [_rich_text(message.title, size="medium", weight="bolder")]
    for section in message.sections:
        body.append(_rich_text(section.title, weight="bolder"))
        body += [_rich_text(line) for line in _lines(section)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in message.links.items()],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _rich_text(text: str, **style: str) -> Payload:
    """A TextBlock would read Markdown in it."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _slack(message: Message) -> Payload:
    blocks: list[Payload] = []
    for section in message.sections:
        text = "\n".join([section.title, *_lines(section)])[:_SLACK_TEXT_LIMIT]
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}})
    if message.links:
        links = " · ".join(f"<{url}|{name}>" for name, url in message.links.items())
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return {"text": message.title, "blocks": blocks}


def _json(message: Message) -> Payload:
    sections = [
        {
            "title": section.title,
            "lines": [{"subject": subject, "text": text} for subject, text in section.lines],
            "more": section.more,
        }
        for section in message.sections
    ]
    return {"title": message.title, "sections": sections, "links": message.links}
