"""The host may die at any moment; what it had begun goes on after the next start."""

from collections import Counter

from tests.integration.localhost_host.sample import Sample


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
