"""Of several processes that send messages one sends at a time, and any of them may die or freeze."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from shared.notifications import incidents, notifier
from shared.notifications.incidents import (
    Incident,
    Kind,
    change_incidents,
    changed,
    sole_sender,
)
from shared.runs.watch import look_at_jobs
from tests.integration.app.notified import a_run, titles
from tests.webhook_server import Webhook


@contextmanager
def dying_sender() -> Iterator[None]:
    """A process that sends a message dies before it notes that."""

    def dies(_incidents: object) -> None:
        raise OSError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(notifier, "mark_notified", dies)
        yield


def test_a_process_beside_a_sender_leaves_its_news_to_the_next_tick(webhook: Webhook) -> None:
    with sole_sender() as mine:
        a_run("run-1", bad=("orders",))
        assert (mine, webhook.messages) == (True, [])
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed"]


def test_a_sender_that_died_blocks_others_only_briefly(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.notifications.incidents._SENDING", timedelta(seconds=-1))
    with sole_sender():
        a_run("run-1", bad=("orders",))
        assert titles(webhook) == ["1 job failed"]


def test_a_sender_that_was_taken_for_dead_leaves_the_place_of_its_successor(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as successor:
        with monkeypatch.context() as patched:
            patched.setattr(incidents, "_SENDING", timedelta(seconds=-1))
            frozen = ExitStack()
            frozen.enter_context(sole_sender())
        assert successor.enter_context(sole_sender())
        frozen.close()
        a_run("run-1", bad=("orders",))
        assert titles(webhook) == []
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed"]


def test_what_follows_a_message_whose_sender_died_before_it_noted_it_is_notified(
    webhook: Webhook,
) -> None:
    with dying_sender():
        a_run("run-1", bad=("orders",))
    a_run("run-2", ok=("orders",))
    with dying_sender():
        a_run("run-3", bad=("users",))
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed", "1 job works again", "1 job failed", "1 job failed"]
    look_at_jobs(datetime.now(UTC))
    assert len(webhook.messages) == 4


def test_who_has_nothing_to_send_keeps_no_other_from_sending(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    a_run("run-1", ok=("orders",), bad=("users",))
    claims: list[datetime] = []
    monkeypatch.setattr(incidents, "_claim", lambda now: claims.append(now))
    look_at_jobs(datetime.now(UTC))
    a_run("run-2", ok=("orders",), bad=("users",))
    assert (claims, titles(webhook)) == ([], ["1 job failed"])


def test_what_another_process_writes_meanwhile_is_read_before_a_change_is_written(webhook: Webhook) -> None:
    seen: list[list[bool]] = []

    def change(known: Mapping[str, Incident]) -> list[Incident]:
        seen.append([incident.notified_open for incident in known.values()])
        if len(seen) == 1:
            a_run("run-1", bad=("orders",))
        return changed(known, [Incident(Kind.JOB, "orders", "It is broken.")], [])

    change_incidents(change)
    a_run("run-2", ok=("orders",))
    assert seen == [[], [True]]
    assert titles(webhook) == ["1 job failed", "1 job works again"]


def test_a_refusal_leaves_in_doubt_what_an_earlier_sender_may_have_sent(
    webhook: Webhook,
) -> None:
    with dying_sender():
        a_run("run-1", bad=("orders",))
    webhook.answers = [500]
    look_at_jobs(datetime.now(UTC))
    a_run("run-2", ok=("orders",))
    assert titles(webhook) == ["1 job failed", "1 job failed", "1 job works again"]


def test_the_state_is_sent_again_if_a_sender_was_frozen_while_another_has_sent_it(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[list[Incident]] = []
    with monkeypatch.context() as patched:
        patched.setattr(notifier, "mark_notified", frozen.append)
        a_run("run-1", bad=("orders",))
    a_run("run-2", ok=("orders",))
    incidents.mark_notified(frozen[0])  # its message may have arrived after the other one
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed", "1 job works again", "1 job works again"]


def test_a_note_whose_answer_was_lost_is_known_again(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(sent: list[Incident]) -> None:
        incidents.mark_notified(sent)
        incidents.mark_notified(sent)

    monkeypatch.setattr(notifier, "mark_notified", twice)
    a_run("run-1", bad=("orders", "users"))
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["2 jobs failed"]
