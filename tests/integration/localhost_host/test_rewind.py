"""Rewinding a failed orchestration under the local host."""

from __future__ import annotations

import requests

from tests.integration.localhost_host.sample import Sample


def rewind(sample: Sample, instance_id: str) -> int:
    url = f"{sample.host.url}/runtime/webhooks/durabletask/instances/{instance_id}/rewind?reason=repaired"
    return requests.post(url, headers={"x-functions-key": sample.host.master_key}, timeout=60).status_code


def test_a_rewound_instance_tries_what_failed_again_and_nothing_else(sample: Sample) -> None:
    sample.start("resumable", True, "parent")
    assert "attempt 1 failed" in sample.result("parent")["output"]
    assert rewind(sample, "parent") == 202
    sample.until(lambda: sample.count("work-parent-child"))
    assert "attempt 1 failed" in sample.result("parent")["output"]
    assert sample.status("parent-child")["runtimeStatus"] == "Failed"
    assert rewind(sample, "parent") == 202
    done = sample.until(lambda: sample.status("parent"), lambda status: status["runtimeStatus"] == "Completed")
    assert done["output"] == ["attempt 2", ["attempt 2"]]
    assert (sample.count("work-parent"), sample.count("work-parent-child")) == (1, 1)
    events = [event["EventType"] for event in sample.status("parent", show_history=True)["historyEvents"]]
    assert {"TaskFailed", "SubOrchestrationFailed", "ExecutionFailed"}.isdisjoint(events)


def test_an_instance_that_has_not_failed_is_not_rewound(sample: Sample) -> None:
    done = sample.start("chain", 1)["id"]
    sample.result(done)
    running = sample.start("approval", 600)["id"]
    assert [rewind(sample, instance_id) for instance_id in (done, running, "nonesuch")] == [412, 412, 404]
    assert sample.result(done)["output"] == 4
