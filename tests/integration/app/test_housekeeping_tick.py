"""A tick of the housekeeping as a whole; the Durable extension is a recorder, storage is real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.activation.store import configuration_store
from shared.audit.runs import record_run
from shared.audit.upkeep import last_housekeeping
from shared.housekeeping.tick import tidy_up
from shared.models.run import RunRequest
from shared.settings import settings
from tests.builders import a_workbook

pytestmark = pytest.mark.usefixtures("app_settings")

Window = tuple[datetime, datetime]


@dataclass
class Purged:
    instances_deleted: int


@dataclass
class Durable:
    """Says which runs are active, and notes which spans of time are purged."""

    running: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    fails_at: int | None = None

    async def purge_instance_history_by(self, start: datetime, end: datetime, statuses: list[Any]) -> Purged:
        if len(self.windows) == self.fails_at:
            raise ConnectionError("the extension does not answer")
        assert "Running" not in {status.value for status in statuses}
        self.windows.append((start, end))
        return Purged(1)


@pytest.fixture(autouse=True)
def _durable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def active_runs(durable: Durable) -> list[str]:
        return durable.running

    monkeypatch.setattr("shared.housekeeping.tick.active_runs", active_runs)


@pytest.fixture
def upload() -> Callable[[str], str]:
    def activate(job_id: str) -> str:
        cells = {"job_id": job_id, "table_name": job_id, "enabled": "Y"}
        return configuration_store().activate(a_workbook(cells), etag=job_id).sha256

    return activate


def purged_span(durable: Durable) -> Window:
    """The span of all windows, which follow one another without a gap."""
    assert all(end == start for (_, end), (start, _) in zip(durable.windows, durable.windows[1:], strict=False))
    return durable.windows[0][0], durable.windows[-1][1]


async def test_the_history_is_purged_up_to_the_age_that_the_setting_names_and_no_further() -> None:
    durable = Durable()
    before = datetime.now(UTC) - timedelta(days=settings().durable_history_days)
    while not durable.windows or purged_span(durable)[1] < before:
        await tidy_up(durable)
    assert purged_span(durable)[0].year == 2020
    assert before <= purged_span(durable)[1] < before + timedelta(minutes=5)
    assert max(end - start for start, end in durable.windows[1:]) <= timedelta(days=1)


async def test_a_purge_that_breaks_off_is_reported_and_goes_on_in_the_next_tick() -> None:
    await tidy_up(Durable(fails_at=3))
    report = last_housekeeping()
    assert (report["histories"], report["histories_error"]) == (3, "the extension does not answer")
    assert report["audit_rows"] == 0, "the other steps go on"
    following = Durable()
    await tidy_up(following)
    assert purged_span(following)[0] == report["history_purged_until"]


async def test_versions_that_an_active_run_was_planned_from_stay(
    upload: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [upload(name) for name in ("one", "two", "three")]
    request = RunRequest(run_id="slow", trigger="http", requested_at=datetime.now(UTC))
    record_run(request, "RUNNING", {"config_sha256": versions[0]})
    tight = settings().model_copy(update={"workbook_versions": 0})
    monkeypatch.setattr("shared.housekeeping.tick.settings", lambda: tight)
    await tidy_up(Durable(running=["slow"]))
    assert {entry.sha256 for entry in configuration_store().history()} == {versions[0], versions[2]}
    assert last_housekeeping()["workbook_versions"] == 2, "the version and its report"
