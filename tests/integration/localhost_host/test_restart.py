"""The host may die at any moment; what it had begun goes on after the next start."""

import time
from collections import Counter
from pathlib import Path

from tests.integration.localhost_host.sample import Sample

_STORAGE = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"


def test_a_fan_out_goes_on_after_every_kill_and_each_result_is_recorded_once(own_sample: Sample) -> None:
    sample = own_sample
    lanes, width = 3, 8
    sample.host.start()
    instance_id = sample.start("fan_out", {"lanes": lanes, "width": width, "seconds": 0.1})["id"]
    for so_far in (2, 8, 14):
        sample.until(lambda: sample.count("work-*"), so_far.__le__)
        sample.host.kill()
        sample.host.start()
    status = sample.result(instance_id)
    assert status["output"] == [f"{lane}-{number}" for lane in range(lanes) for number in range(width)]
    statuses = sample.client("get_status_all")
    assert Counter(status["runtimeStatus"] for status in statuses) == {"Completed": lanes + 1}
    for child in (status["instanceId"] for status in statuses if status["name"] == "lane"):
        events = sample.status(child, show_history=True)["historyEvents"]
        done = [event["TaskScheduledId"] for event in events if event["EventType"] == "TaskCompleted"]
        assert sorted(done) == list(range(width))
    # Only what ran when the host died may have run again: at most four activities at each of three kills.
    assert lanes * width <= sample.count("work-*") <= lanes * width + 3 * 4


def test_a_timer_and_an_event_survive_a_kill(own_sample: Sample) -> None:
    sample = own_sample
    sample.host.start()
    sample.start("approval", 1, "waits-for-timer")
    sample.start("approval", 600, "waits-for-event")
    sample.until(lambda: sample.status("waits-for-event")["runtimeStatus"] == "Running")
    sample.client("raise_event", instance_id="waits-for-event", event_name="approved", event_data="yes")
    sample.host.kill()
    sample.host.start()
    assert sample.result("waits-for-event")["output"] == {"approved": "yes"}
    assert sample.result("waits-for-timer")["output"] == "too late"


def test_a_suspended_instance_stays_suspended_over_a_restart(own_sample: Sample) -> None:
    sample = own_sample
    sample.host.start()
    sample.start("approval", 600, "paused")
    sample.client("suspend", instance_id="paused", reason="")
    sample.host.kill()
    sample.host.start()
    assert sample.status("paused")["runtimeStatus"] == "Suspended"
    sample.client("resume", instance_id="paused", reason="")
    sample.client("raise_event", instance_id="paused", event_name="approved", event_data=1)
    assert sample.result("paused")["output"] == {"approved": 1}


def test_an_activity_may_finish_while_the_host_stops(own_sample: Sample) -> None:
    sample = own_sample
    sample.host.start()
    sample.start("lane", {"lane": "grace", "width": 1, "seconds": 1}, "graceful")
    sample.until(lambda: sample.count("work-grace-0"))
    sample.host.restart()
    assert sample.result("graceful")["output"] == ["grace-0"]
    assert sample.count("work-grace-0") == 1


def test_the_work_of_a_killed_host_comes_back_after_the_visibility_time(tmp_path: Path) -> None:
    sample = Sample(tmp_path, **{f"{_STORAGE}workItemQueueVisibilityTimeout": "00:00:05"})
    sample.host.start()
    sample.start("lane", {"lane": "held", "width": 1, "seconds": 600}, "held")
    sample.until(lambda: sample.count("work-held-0"))
    sample.host.kill()
    killed_at = time.monotonic()
    with sample.host:
        sample.run("chain", 1)
        sample.until(lambda: sample.count("work-held-0") == 2)
        assert time.monotonic() - killed_at > 3


def test_a_frozen_host_is_taken_over_and_goes_on_when_it_thaws(tmp_path: Path) -> None:
    first = Sample(tmp_path)
    second = first.twin()
    with first.host:
        job = {"lane": "twice", "width": 1, "seconds": 0, "until": "thawed"}
        first.start("lane", job, "twice")
        first.until(lambda: first.count("work-twice-0"))
        with second.host:
            first.host.freeze()
            second.until(lambda: second.count("work-twice-0") == 2)
            first.host.thaw()
            (first.marks / "thawed").touch()
            assert second.result("twice")["output"] == ["twice-0"]
            events = second.status("twice", show_history=True)["historyEvents"]
            assert [event["EventType"] for event in events].count("TaskCompleted") == 1
            assert first.run("chain", 1)["output"] == 4


def test_two_hosts_share_the_work_and_the_ticks(tmp_path: Path) -> None:
    first = Sample(tmp_path, SAMPLE_SCHEDULE="* * * * * *")
    second = first.twin()
    with first.host, second.host:
        wide = {"lane": "shared", "width": 40, "seconds": 0.2}
        assert len(first.result(first.start("lane", wide, "shared")["id"])["output"]) == 40
        assert first.count("work-shared-*") == 40
        ticks = [path.stat().st_mtime for path in first.marks.glob("tick.*")]
        assert len(ticks) == len({round(moment) for moment in ticks})
        assert all("activity work succeeded" in sample.host.log_text() for sample in (first, second))
