"""Orchestrations under the local host, through the SDK."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import requests

from tests.integration.localhost_host.sample import Sample


def test_activities_in_a_chain(sample: Sample) -> None:
    status = sample.run("chain", 1)
    assert (status["runtimeStatus"], status["output"], status["customStatus"]) == ("Completed", 4, {"value": 4})


def test_sub_orchestrations_fan_out_and_results_come_in_order(sample: Sample) -> None:
    status = sample.run("fan_out", {"lanes": 3, "width": 5, "seconds": 0})
    assert status["output"] == [f"{lane}-{number}" for lane in range(3) for number in range(5)]


def test_activities_run_side_by_side_up_to_the_limit_of_host_json(sample: Sample) -> None:
    before = sample.count("most-at-once-4")
    sample.run("crowd", 12)
    assert sample.count("most-at-once-4") > before
    assert sample.count("most-at-once-5") == 0


def test_a_child_knows_its_parent(sample: Sample) -> None:
    links = sample.start("parent_id")
    assert sample.result(links["id"])["output"] == links["id"]


def test_an_instance_keeps_the_version_that_it_was_started_with(sample: Sample) -> None:
    assert sample.run("versions")["output"] == ["7", "7", "other"]
    start = f"{sample.host.url}/runtime/webhooks/durabletask/orchestrators/versions/older?version=3"
    answer = requests.post(start, headers={"x-functions-key": sample.host.master_key}, timeout=60)
    assert answer.status_code == 202, answer.text
    assert sample.result("older")["output"] == ["3", "7", "other"]


def test_an_external_event_ends_the_wait(sample: Sample) -> None:
    instance_id = sample.start("approval", 600)["id"]
    sample.client("raise_event", instance_id=instance_id, event_name="approved", event_data={"by": "Ada"})
    assert sample.result(instance_id)["output"] == {"approved": {"by": "Ada"}}


def test_an_event_through_the_public_api_ends_the_wait_too(sample: Sample) -> None:
    links = sample.start("approval", 600)
    url = links["sendEventPostUri"].replace("{eventName}", "approved")
    assert requests.post(url, json={"by": "Grace"}, timeout=60).status_code == 202
    assert sample.result(links["id"])["output"] == {"approved": {"by": "Grace"}}


def test_a_durable_timer_ends_the_wait(sample: Sample) -> None:
    assert sample.run("approval", 0.2)["output"] == "too late"


def test_a_retry_succeeds_at_a_later_attempt(sample: Sample) -> None:
    assert sample.run("retrying", [3, 4])["output"] == ["attempt 3", 3]


def test_a_retry_gives_up_with_the_last_error(sample: Sample) -> None:
    assert "ValueError: attempt 2 failed" in sample.run("retrying", [9, 2])["output"]


def test_continue_as_new_starts_over_with_a_new_input(sample: Sample) -> None:
    links = sample.start("countdown", 3)
    assert sample.result(links["id"])["output"] == "lift-off"
    assert sample.status(links["id"], show_input=True)["input"] == 0


def test_a_failed_orchestration_says_why(sample: Sample) -> None:
    status = sample.run("failing")
    assert status["runtimeStatus"] == "Failed"
    assert "Activity function 'flaky' failed: ValueError: attempt 1 failed" in status["output"]


def test_a_parent_may_catch_a_child_s_failure(sample: Sample) -> None:
    status = sample.run("failing_parent")
    assert status["runtimeStatus"] == "Completed"
    assert status["output"].startswith("caught Orchestrator function 'failing' failed:")


def test_what_the_host_does_not_support_fails_the_orchestration_by_name(sample: Sample) -> None:
    assert "does not support call_http" in sample.run("unsupported")["output"]


def test_a_terminated_instance_stays_so(sample: Sample) -> None:
    instance_id = sample.start("approval", 600)["id"]
    sample.client("terminate", instance_id=instance_id, reason="enough")
    status = sample.result(instance_id)
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough")
    answer = sample.post(
        "/api/client/raise_event", sample.host.function_key, json={"instance_id": instance_id, "event_name": "approved"}
    )
    assert "is gone" in answer.text


def test_a_suspended_instance_takes_its_events_when_it_is_resumed(sample: Sample) -> None:
    instance_id = sample.start("approval", 600)["id"]
    sample.until(lambda: sample.status(instance_id)["runtimeStatus"] == "Running")
    sample.client("suspend", instance_id=instance_id, reason="lunch")
    sample.client("raise_event", instance_id=instance_id, event_name="approved", event_data=1)
    assert sample.status(instance_id)["runtimeStatus"] == "Suspended"
    sample.client("resume", instance_id=instance_id, reason="back")
    assert sample.result(instance_id)["output"] == {"approved": 1}


def test_a_running_id_is_not_started_again_but_a_finished_one_is(sample: Sample) -> None:
    sample.start("approval", 600, "only-once")
    answer = sample.post("/api/start/chain/only-once", sample.host.function_key, json=1)
    assert answer.status_code == 500
    assert sample.status("only-once")["name"] == "approval"
    sample.client("terminate", instance_id="only-once", reason="")
    sample.start("chain", 1, "only-once")
    assert sample.result("only-once")["output"] == 4


def test_restart_runs_the_same_input_under_a_new_id(sample: Sample) -> None:
    instance_id = sample.start("chain", 10)["id"]
    sample.result(instance_id)
    restarted = sample.client("restart", instance_id=instance_id)["id"]
    assert restarted != instance_id
    assert sample.result(restarted)["output"] == 13


def test_an_unknown_orchestrator_is_refused_by_name(sample: Sample) -> None:
    answer = sample.post(
        "/api/client/start_new", sample.host.function_key, json={"orchestration_function_name": "nobody"}
    )
    assert "'nobody' is not an orchestrator function of this app" in answer.text


def test_an_unknown_instance_has_no_status(sample: Sample) -> None:
    assert sample.client("get_status", instance_id="nobody") == []
    assert sample.get("/runtime/webhooks/durabletask/instances/nobody", sample.host.master_key).status_code == 404


def test_the_history_shows_what_happened_with_results_only_on_request(sample: Sample) -> None:
    instance_id = sample.start("chain", 1)["id"]
    sample.result(instance_id)
    events = sample.status(instance_id, show_history=True)["historyEvents"]
    assert [event["EventType"] for event in events if "Task" in event["EventType"]] == [
        "TaskScheduled",
        "TaskCompleted",
    ] * 3
    assert not any("Result" in event for event in events)
    events = sample.status(instance_id, show_history=True, show_history_output=True)["historyEvents"]
    assert [event["Result"] for event in events if event["EventType"] == "TaskCompleted"] == ["2", "3", "4"]


def test_the_public_status_is_202_while_running_and_then_200(sample: Sample) -> None:
    links = sample.start("approval", 600)
    assert requests.get(links["statusQueryGetUri"], timeout=60).status_code == 202
    sample.client("terminate", instance_id=links["id"], reason="")
    answer = requests.get(links["statusQueryGetUri"], timeout=60)
    assert (answer.status_code, answer.json()["input"]) == (200, 600)


def test_the_public_api_starts_an_orchestration_with_plain_json(sample: Sample) -> None:
    path = "/runtime/webhooks/durabletask/orchestrators/chain/by-webhook"
    answer = sample.post(path, sample.host.master_key, json=5)
    assert (answer.status_code, answer.json()["id"]) == (202, "by-webhook")
    assert sample.result("by-webhook")["output"] == 8


def test_a_body_that_is_not_json_is_refused(sample: Sample) -> None:
    path = "/runtime/webhooks/durabletask/orchestrators/chain"
    answer = sample.post(path, sample.host.master_key, data="{")
    assert answer.status_code == 400
    assert "Invalid JSON content" in answer.json()["Message"]


def test_instances_are_found_by_prefix_status_and_time(sample: Sample) -> None:
    for number in range(2):
        sample.start("chain", number, f"found-{number}")
        sample.result(f"found-{number}")
    path = "/runtime/webhooks/durabletask/instances?instanceIdPrefix=found-&runtimeStatus=Completed,Canceled"
    assert [status["instanceId"] for status in sample.get(path, sample.host.master_key).json()] == [
        "found-0",
        "found-1",
    ]
    future = (datetime.now(UTC) + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert sample.get(f"{path}&createdTimeFrom={future}", sample.host.master_key).json() == []
    assert sample.get(f"{path}&runtimeStatus=Canceled", sample.host.master_key).status_code == 200
    assert len(sample.client("get_status_by", instance_id_prefix="found-")) == 2
    assert len(sample.client("get_status_all")) >= 2


def test_purge_forgets_a_finished_instance_and_keeps_a_running_one(sample: Sample) -> None:
    sample.start("chain", 1, "purged")
    sample.result("purged")
    assert sample.client("purge_instance_history", instance_id="purged") == 1
    assert sample.client("purge_instance_history", instance_id="purged") == 0
    sample.start("approval", 600, "kept")
    refused = sample.post("/api/client/purge_instance_history", sample.host.function_key, json={"instance_id": "kept"})
    assert "412" in refused.text
    assert sample.status("kept")["runtimeStatus"] in ("Pending", "Running")


def test_results_that_arrive_during_a_replay_are_not_lost(sample: Sample) -> None:
    instance_id = sample.start("slow_lane", {"lane": "slow", "width": 32, "seconds": 0.05, "until": "woken"})["id"]
    sample.until(lambda: sample.count("work-slow-*") >= 4)
    sample.client("raise_event", instance_id=instance_id, event_name="wakes it up in the middle")
    (sample.marks / "woken").touch()
    assert len(sample.result(instance_id)["output"]) == 32


def test_a_wide_fan_out_costs_few_replays(sample: Sample) -> None:
    instance_id = sample.start("lane", {"lane": "wide", "width": 200, "seconds": 0})["id"]
    assert len(sample.result(instance_id)["output"]) == 200
    events = sample.status(instance_id, show_history=True)["historyEvents"]
    assert sum(event["EventType"] == "OrchestratorStarted" for event in events) < 10


def test_instances_come_in_pages_of_a_hundred_with_a_token_for_the_next_one(sample: Sample) -> None:
    sample.run("fan_out", {"lanes": 105, "width": 0, "seconds": 0})
    path, token = "/runtime/webhooks/durabletask/instances", ""
    found: list[str] = []
    sizes: list[int] = []
    while token or not found:
        url = f"{sample.host.url}{path}"
        headers = {"x-functions-key": sample.host.master_key, "x-ms-continuation-token": token}
        page = requests.get(url, headers={k: v for k, v in headers.items() if v}, timeout=60)
        token = page.headers.get("x-ms-continuation-token", "")
        sizes.append(len(page.json()))
        found += [status["instanceId"] for status in page.json()]
    assert sizes[0] == 100
    assert len(found) > 105
    assert found == sorted(set(found))
    assert len(sample.client("get_status_all")) == 100  # the SDK's client reads the first page


def test_an_id_that_is_active_is_refused_and_calls_at_the_same_moment_are_one_instance(sample: Sample) -> None:
    with ThreadPoolExecutor(8) as threads:
        started = list(threads.map(lambda _: sample.start("approval", 600, "same-moment")["id"], range(2)))
    assert started == ["same-moment"] * 2
    arguments = {"orchestration_function_name": "approval", "instance_id": "same-moment"}
    refused = sample.post("/api/client/start_new", sample.host.function_key, json=arguments)
    assert "An Orchestration instance with the status" in refused.text
    assert len(sample.client("get_status_by", instance_id_prefix="same-moment")) == 1
