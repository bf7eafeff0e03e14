"""What a message says, and the form that each receiver gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.notifications import channels
from shared.notifications.channels import channel_for
from shared.notifications.incidents import Incident, Kind, changed
from shared.notifications.message import Message, compose, first_sentence
from shared.notifications.webhook import NotificationError, Webhook

TEAMS = "https://prod-1.swedencentral.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=secret"
SLACK = "https://hooks.slack.com/services/T0/B0/secret"
FAILED = Incident(Kind.JOB, "orders_*", "Column <b> & [link](http://evil) is gone. More.", "run-1")
MESSAGE = compose([FAILED], "https://lake.example.com")


def payload(url: str, message: Message) -> dict[str, Any]:
    channel = channel_for(url)
    assert isinstance(channel, Webhook)
    return channel.payload(message)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One. Two.", "One."),
        ("127.0.0.1:5432 refused it! Then what?", "127.0.0.1:5432 refused it!"),
        ("no end\nof line", "no end of line"),
        ("x" * 400, "x" * 199 + "…"),
    ],
)
def test_the_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


@pytest.mark.parametrize(
    "url",
    [
        TEAMS,
        "https://default1.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/x",
        "https://contoso.webhook.office.com/webhookb2/x",
    ],
)
def test_teams_gets_an_adaptive_card_whose_texts_are_no_markup(url: str) -> None:
    body = payload(url, MESSAGE)
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert (body["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    texts = [block["inlines"][0]["text"] for block in card["body"]]
    assert texts == [
        "Excel to lake: 1 job failed",
        "1 job failed",
        "orders_*: Column <b> & [link](http://evil) is gone.",
    ]
    assert [action["url"] for action in card["actions"]] == list(MESSAGE.links.values())


def test_slack_gets_blocks_of_plain_text_and_links() -> None:
    body = payload(SLACK, MESSAGE)
    assert body["text"] == "Excel to lake: 1 job failed"
    section, links = body["blocks"]
    assert section["text"]["type"] == "plain_text"
    assert section["text"]["text"] == "1 job failed\norders_*: Column <b> & [link](http://evil) is gone."
    assert "<https://lake.example.com/api/runs/run-1|Run run-1>" in links["elements"][0]["text"]


@pytest.mark.parametrize("url", ["https://example.com/hook", "https://hooks.slack.com.evil.example/x"])
def test_any_other_host_gets_plain_json(url: str) -> None:
    assert set(payload(url, MESSAGE)) == {"title", "sections", "links"}


def test_a_message_stays_within_what_the_receivers_take() -> None:
    many = [Incident(kind, f"job_{n}", "word " * 200) for kind in Kind for n in range(400)]
    message = compose(many, None)
    assert len(json.dumps(payload(TEAMS, message))) < 28_000
    assert max(len(block["text"]["text"]) for block in payload(SLACK, message)["blocks"]) <= 3000
    assert message.links == {}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/hook/)", "was not resolved"),
        ("http://hooks.example.com/secret", "begins with https://"),
        ("secret", "begins with https://"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_by_its_setting_only(url: str, said: str) -> None:
    with pytest.raises(NotificationError, match=said) as raised:
        channel_for(url).send(url, MESSAGE)
    assert "NOTIFY_WEBHOOK_URL" in str(raised.value)
    assert "hook" not in str(raised.value).replace("NOTIFY_WEBHOOK_URL", "")


@pytest.mark.parametrize(
    ("before", "broken", "after"),
    [
        (None, True, {"open": True, "notified_open": False}),
        ({"open": True, "notified_open": True}, True, None),
        ({"open": False, "notified_open": True}, True, {"open": True, "notified_open": True}),
        ({"open": False, "notified_open": False}, True, {"open": True, "notified_open": False}),
        (None, False, None),
        ({"open": True, "notified_open": True}, False, {"open": False, "notified_open": True}),
        ({"open": True, "notified_open": False}, False, {"open": False, "notified_open": False}),
        ({"open": False, "notified_open": False}, False, None),
    ],
)
def test_what_is_new_about_an_incident(
    before: dict[str, Any] | None, broken: bool, after: dict[str, Any] | None
) -> None:
    known = {FAILED.key: Incident(Kind.JOB, FAILED.subject, "", **before)} if before else {}
    news = changed(known, [FAILED] if broken else [], [] if broken else [FAILED.key])
    assert [{"open": one.open, "notified_open": one.notified_open} for one in news] == ([after] if after else [])


def test_a_job_that_was_late_and_failing_is_well_again_once() -> None:
    closed = [Incident(kind, "orders", "", open=False, notified_open=True) for kind in (Kind.JOB, Kind.OVERDUE)]
    message: Message = compose(closed, None)
    assert message.title == "Excel to lake: 1 job works again"


class Pager:
    """A channel of another kind: no webhook."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []

    def takes(self, address: str) -> bool:
        return address.startswith("pager:")

    def send(self, address: str, message: Message) -> None:
        self.sent.append((address, message))


def test_a_new_channel_is_one_class_and_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    pager = Pager()
    monkeypatch.setattr(channels, "CHANNELS", [pager, *channels.CHANNELS])
    channel_for("pager:42").send("pager:42", MESSAGE)
    assert pager.sent == [("pager:42", MESSAGE)]
    assert isinstance(channel_for(TEAMS), Webhook)


@pytest.mark.parametrize("host", ["evil-hooks.slack.com", "hooks.slack.com.evil.io", "logic.azure.com.evil.io"])
def test_a_host_that_only_looks_like_a_receivers_gets_plain_json(host: str) -> None:
    assert set(payload(f"https://{host}/x", MESSAGE)) == {"title", "sections", "links"}
