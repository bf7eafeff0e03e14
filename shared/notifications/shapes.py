"""A message in the form that each receiver reads; pure. No receiver reads a source's text as markup."""

from __future__ import annotations

from typing import Any

from shared.notifications.message import Message, Section

Payload = dict[str, Any]

_SLACK_TEXT_LIMIT = 3000  # characters of a block's text


def teams(message: Message) -> Payload:
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


def slack(message: Message) -> Payload:
    """Blocks of plain text, and the links."""
    blocks: list[Payload] = []
    for section in message.sections:
        text = "\n".join([section.title, *_lines(section)])[:_SLACK_TEXT_LIMIT]
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}})
    if message.links:
        links = " · ".join(f"<{url}|{name}>" for name, url in message.links.items())
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return {"text": message.title, "blocks": blocks}


def plain_json(message: Message) -> Payload:
    """The message as it is, for a receiver of the user's own."""
    sections = [
        {
            "title": section.title,
            "lines": [{"subject": subject, "text": text} for subject, text in section.lines],
            "more": section.more,
        }
        for section in message.sections
    ]
    return {"title": message.title, "sections": sections, "links": message.links}


def _lines(section: Section) -> list[str]:
    lines = [": ".join(part for part in line if part) for line in section.lines]
    return [*lines, f"… and {section.more} more"] if section.more else lines
