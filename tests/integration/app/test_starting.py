"""Which ticks of the timer start a run: those that were missed by the setting, and none beside an active run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.audit.runs import find_run
from shared.models.run import RunRequest
from shared.runs.maintenance import start_maintenance
from shared.runs.orchestrations import start_once
from shared.runs.start import start_scheduled_run
from shared.settings import settings
from tests.audit_rows import run_rows
from tests.durable_server import Durable, durable_server

pytestmark = pytest.mark.usefixtures("app_settings")


@pytest.fixture
async def durable() -> AsyncIterator[Durable]:
    async with durable_server() as durable:
        yield durable


def past_due(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("PAST_DUE", mode)
    settings.cache_clear()


@pytest.mark.parametrize(("mode", "ignores"), [("run", True), ("run_unless_quiet", False)])
async def test_a_missed_tick_is_made_up_for_with_the_reason(
    durable: Durable, monkeypatch: pytest.MonkeyPatch, mode: str, ignores: bool
) -> None:
    past_due(monkeypatch, mode)
    run_id = await start_scheduled_run(durable.client, past_due=True)
    assert durable.started() == [run_id]
    request = durable.instances[str(run_id)]["input"]
    assert request["reason"] == "A tick of the schedule was missed while the app did not run; this run makes up for it."
    assert request["ignores_quiet_hours"] is ignores


async def test_a_missed_tick_that_is_to_be_skipped_leaves_a_row_that_says_why(
    durable: Durable, monkeypatch: pytest.MonkeyPatch
) -> None:
    past_due(monkeypatch, "skip")
    assert await start_scheduled_run(durable.client, past_due=True) is None
    assert durable.started() == []
    (row,) = run_rows()
    assert (row["status"], row["reason"]) == (
        "SKIPPED",
        "A tick of the schedule was missed while the app did not run, and PAST_DUE says to skip it.",
    )
    assert find_run(row["run_id"]) == row


async def test_a_tick_in_time_needs_no_reason_whatever_the_setting(
    durable: Durable, monkeypatch: pytest.MonkeyPatch
) -> None:
    past_due(monkeypatch, "skip")
    run_id = await start_scheduled_run(durable.client)
    assert "reason" not in durable.instances[str(run_id)]["input"]


@pytest.mark.parametrize(("mode", "starts"), [("run", 1), ("run_unless_quiet", 0), ("skip", 0)])
async def test_a_missed_maintenance_is_left_out_unless_every_tick_is_to_run(
    durable: Durable, monkeypatch: pytest.MonkeyPatch, mode: str, starts: int
) -> None:
    past_due(monkeypatch, mode)
    await start_maintenance(durable.client, past_due=True)
    assert len(durable.started()) == starts


@pytest.mark.parametrize(
    ("status", "starts"), [("Running", False), ("Pending", False), ("Suspended", True), ("Failed", True)]
)
async def test_a_run_that_is_suspended_holds_no_tick_up_and_one_that_runs_does(
    durable: Durable, status: str, starts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    durable.put("scheduled-20260101T020000Z", status)
    run_id = await start_scheduled_run(durable.client)
    assert (run_id is not None) is starts
    if status == "Suspended":
        assert "Run scheduled-20260101T020000Z is suspended; the schedule continues without it" in caplog.text


async def test_a_run_by_hand_holds_no_tick_up(durable: Durable) -> None:
    durable.put("manual-20260101T020000Z-abcdef", "Running")
    assert await start_scheduled_run(durable.client) is not None


async def test_a_call_that_paused_for_longer_than_its_claim_starts_nothing(
    durable: Durable, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = RunRequest(run_id="mine", trigger="http", requested_at=datetime.now(UTC))
    with monkeypatch.context() as patched:
        patched.setattr("shared.runs.orchestrations.STARTING_TAKES_AT_MOST", timedelta(seconds=-1))
        assert not await start_once(durable.client, request)
    assert durable.started() == []
    assert await start_once(durable.client, request)
