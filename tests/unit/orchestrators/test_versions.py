"""An orchestration continues only under the version that it began with; what a version asks for does not change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrators.ingestion_run import ingestion_run
from orchestrators.maintenance_run import maintenance_run
from orchestrators.source_lane import source_lane
from orchestrators.versions import under_its_version
from shared.models.run import ORCHESTRATORS_VERSION, Totals
from tests.unit.orchestrators.recording import CHILD_COMPLETED, Action, Recording, TaskError, actions_of, input_of
from tests.unit.orchestrators.shapes import REQUEST, a_lane_order, a_plan, a_result
from tests.unit.orchestrators.test_ingestion_run import finished

ROOT = Path(__file__).parents[3]
RECORDED = Path(__file__).parent / "recorded"


def a_run() -> Recording:
    """A run that is planned in its second try, of two lanes, whose end is written in the second try."""
    recording = Recording(ingestion_run, REQUEST.to_json())
    recording.failed(0, "the worker died")
    recording.fired(1)
    recording.completed(2, a_plan(("a", "b"), ("c",)))
    for lane, jobs in ((3, 2), (4, 1)):
        recording.completed(lane, Totals(jobs_total=jobs, jobs_succeeded=jobs).to_json(), CHILD_COMPLETED)
    recording.failed(5, "the worker died")
    recording.fired(6)
    recording.completed(7, finished(actions_of(recording.play())[7]))
    return recording


def a_lane() -> Recording:
    """A lane in which jobs succeed, wait, are interrupted, and fail for good."""
    ends: dict[str, list[str | None]] = {
        "good": [None],
        "late": ["transient", None],
        "lost": ["lost", None],
        "bad": ["source"],
        "full": ["waiting", None],
    }
    tries: dict[str, int] = dict.fromkeys(ends, 0)

    def answer(action: Action) -> Any:
        job_id = input_of(action)["job_id"]
        kind = ends[job_id][tries[job_id]]
        tries[job_id] += 1
        if kind == "lost":
            raise TaskError("the worker died")
        return a_result(job_id, input_of(action)["attempt"], kind=kind)

    recording = Recording(source_lane, a_lane_order(*ends))
    recording.play_to_the_end(answer)
    return recording


def a_maintenance() -> Recording:
    """A maintenance of three jobs."""
    recording = Recording(maintenance_run, {"run_id": "maintenance-1", "started_at": "2024-01-01T00:00:00Z"})
    recording.completed(0, {"config_sha256": "0f", "job_ids": ["a", "b", "c"]})
    moment = "2024-01-01T00:00:00Z"
    for task_id, job_id in enumerate("abc", 1):
        recording.completed(task_id, {"job_id": job_id, "status": "SUCCESS", "started_at": moment, "ended_at": moment})
    return recording


STORIES: dict[str, Callable[[], Recording]] = {"run": a_run, "lane": a_lane, "maintenance": a_maintenance}


def asked_for(recording: Recording) -> list[str]:
    """What an orchestrator asked for, one task a line: what Durable compares in a replay, and when a timer fires."""
    return [
        " ".join(str(action[name]) for name in ("actionType", "functionName", "instanceId", "fireAt") if name in action)
        for action in actions_of(recording.play())
    ]


@pytest.mark.parametrize("story", STORIES)
def test_this_version_asks_for_what_it_always_asked_for(story: str) -> None:
    recorded = json.loads((RECORDED / f"version-{ORCHESTRATORS_VERSION}.json").read_text())
    assert asked_for(STORIES[story]()) == recorded[story], (
        "the orchestrators ask for something else: raise ORCHESTRATORS_VERSION and defaultVersion in host.json, and "
        "record what the new version asks for: python -m tests.unit.orchestrators.test_versions"
    )


def test_the_host_gives_new_orchestrations_the_version_of_the_code() -> None:
    durable = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]
    assert (durable["defaultVersion"], durable["versionMatchStrategy"]) == (ORCHESTRATORS_VERSION, "None")


@pytest.mark.parametrize("version", ["", "0", "99"])
def test_an_orchestration_of_another_version_ends_before_it_asks_for_anything(version: str) -> None:
    def guarded(context: Any) -> Any:
        return (yield from under_its_version(context, ingestion_run))

    recording = Recording(guarded, REQUEST.to_json())
    recording.history[1]["Version"] = version
    with pytest.raises(
        Exception, match=f"began under version '{version}' of the orchestrators, and the app has"
    ) as caught:
        recording.play()
    assert '"actions": [[]]' in str(caught.value)


def test_an_orchestration_of_this_version_continues() -> None:
    def guarded(context: Any) -> Any:
        return (yield from under_its_version(context, ingestion_run))

    recording = Recording(guarded, REQUEST.to_json())
    recording.history[1]["Version"] = ORCHESTRATORS_VERSION
    assert [action["functionName"] for action in actions_of(recording.play())] == ["plan_run"]


if __name__ == "__main__":
    content = {story: asked_for(play()) for story, play in STORIES.items()}
    (RECORDED / f"version-{ORCHESTRATORS_VERSION}.json").write_text(json.dumps(content, indent=2) + "\n")
