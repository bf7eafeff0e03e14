"""The timer trigger of the local host."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localhost.host.trigger_state import TriggerState
from tests.integration.localhost_host.sample import Sample


def test_a_timer_fires_by_its_schedule_and_never_over_itself(tmp_path: Path) -> None:
    sample = Sample(tmp_path, SAMPLE_SCHEDULE="* * * * * *", TICK_SECONDS="1.5")
    with sample.host:
        sample.until(lambda: sample.count("tick") >= 2)
        assert sample.count("tick-end") >= 1


def test_the_admin_endpoint_fires_a_timer_for_the_master_key(sample: Sample) -> None:
    before = sample.count("tick")
    assert sample.post("/admin/functions/tick", sample.host.function_key, json={}).status_code == 401
    assert sample.post("/admin/functions/tick", sample.host.master_key, json={}).status_code == 202
    sample.until(lambda: sample.count("tick") == before + 1)


def test_the_admin_endpoint_fires_nothing_else(sample: Sample) -> None:
    assert sample.post("/admin/functions/add_one", sample.host.master_key, json={}).status_code == 400
    assert sample.post("/admin/functions/nobody", sample.host.master_key, json={}).status_code == 404


def test_a_run_that_was_missed_while_no_host_ran_comes_once_and_past_due(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.host.start()
    with closing(TriggerState(tmp_path / "state" / "triggers.db")) as state:
        sample.until(lambda: state.next_occurrence("tick"))
        sample.host.kill()
        expected = state.next_occurrence("tick")
        assert expected is not None
        assert expected > datetime.now(UTC)
        state.expect("tick", datetime.now(UTC) - timedelta(hours=3))
    with sample.host:
        sample.until(lambda: sample.count("tick-past-due"))
        sample.host.restart()
        assert (sample.count("tick-past-due"), sample.count("tick")) == (1, 0)
