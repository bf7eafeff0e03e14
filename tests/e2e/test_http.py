"""The HTTP routes as a user of curl sees them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.e2e.app import App, jobs_of


@pytest.fixture(scope="module", autouse=True)
def _workbook(app: App) -> None:
    app.create_tables("one", "two", "three")
    app.put_workbook(
        app.row("one", "one"),
        app.row("two", "two"),
        app.row("three", "three"),
        app.row("switched_off", "three", enabled="N"),
    )


@pytest.fixture(scope="module")
def run(app: App, _workbook: None) -> dict[str, Any]:
    """A run of two of the three jobs that could run."""
    response = app.request("POST", "/api/runs", {"run_id": "by-hand", "job_ids": ["three", "one", "one"]})
    assert response.status_code == 202
    accepted: dict[str, Any] = response.json()
    assert accepted["run_id"] == "by-hand"
    assert response.headers["Location"] == accepted["run"] == "/api/runs/by-hand"
    app.wait("by-hand")
    return accepted


def test_a_run_by_hand_does_the_jobs_it_names(app: App, run: dict[str, Any]) -> None:
    described = app.get_run("by-hand")
    assert described["status"] == "SUCCEEDED"
    assert described["trigger"] == "http"
    assert described["progress"] == {"jobs_total": 2, "jobs_done": 2, "jobs_failed": 0, "rows": 6}
    assert list(jobs_of(described)) == ["one", "three"]
    assert app.lake_files("two") == {}


def test_a_started_run_is_answered_with_the_apps_own_links_only(run: dict[str, Any]) -> None:
    assert run == {"run_id": "by-hand", "run": "/api/runs/by-hand"}


def test_the_durable_status_says_what_the_run_did(app: App, run: dict[str, Any]) -> None:
    instance = "/runtime/webhooks/durabletask/instances/by-hand"
    status = app.send("GET", instance, headers={"x-functions-key": app.host.master_key}).json()
    assert status["runtimeStatus"] == "Completed"
    assert status["customStatus"] == {
        "stage": "finished",
        "jobs_total": 2,
        "jobs_done": 2,
        "jobs_failed": 0,
        "rows": 6,
    }
    assert status["output"]["status"] == "SUCCEEDED"


def test_a_run_id_is_taken_once(app: App, run: dict[str, Any]) -> None:
    response = app.request("POST", "/api/runs", {"run_id": "by-hand"})
    assert response.status_code == 409
    assert "'by-hand' exists" in response.json()["detail"]
    assert len(app.run_rows()) == 1


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (b"not json", ["the body is not valid JSON"]),
        (b"[1]", ["the body must be a JSON object"]),
        (b"\xff\xfe", ["the body is not valid JSON"]),
        (b"[" * 200_000, ["the body is nested too deeply"]),
        (b'{"job_ids": ["\\ud800"]}', ["the body holds half of a character"]),
        (b'{"job_ids": []}', ["job_ids: the list is empty; leave it out to run every job"]),
        (b'{"job_ids": "one"}', ["job_ids: Input should be a valid list"]),
        (b'{"job_ids": [1], "full_refresh": "yes"}', ["job_ids.0: Input should be a valid string", "full_refresh: "]),
        (b'{"jobs": ["one"]}', ["jobs: Extra inputs are not permitted"]),
        (b'{"run_id": "a/b"}', ["run_id: String should match pattern"]),
        (b'{"run_id": "runs"}', ["run_id: 'runs' is reserved"]),
        (b'{"run_id": "cancelled"}', ["run_id: 'cancelled' is reserved"]),
        (b'{"run_id": "scheduled-1"}', ["run_id: 'scheduled-1' is reserved"]),
        (b'{"job_ids": ["one", "zero"]}', ["job_ids: 'zero' is not a job of the active workbook"]),
        (b'{"job_ids": ["switched_off"]}', ["job_ids: 'switched_off' is disabled in the workbook (row 5"]),
        (b'{"job_ids": ["zero", "switched_off"]}', ["job_ids: 'zero'", "job_ids: 'switched_off'"]),
    ],
)
def test_a_wrong_body_is_refused_with_everything_that_is_wrong(app: App, body: bytes, problems: list[str]) -> None:
    headers = {"x-functions-key": app.host.function_key}
    response = app.send("POST", "/api/runs", data=body, headers=headers)
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("application/problem+json")
    answer = response.json()
    assert (answer["status"], answer["title"]) == (400, "Bad Request")
    assert len(answer["problems"]) == len(problems)
    for problem, expected in zip(answer["problems"], problems, strict=True):
        assert problem.startswith(expected)


def test_an_unknown_run_is_not_found(app: App) -> None:
    response = app.request("GET", "/api/runs/never-started")
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no run 'never-started'."


def test_a_lane_of_a_run_is_no_run(app: App, run: dict[str, Any]) -> None:
    assert app.request("GET", "/api/runs/by-hand:lane-0").status_code == 404


def test_runs_and_loads_are_listed_in_the_audits_names(app: App, run: dict[str, Any]) -> None:
    (listed,) = app.request("GET", "/api/runs?status=SUCCEEDED&status=FAILED&job_id=one&limit=1").json()["runs"]
    assert (listed["run_id"], listed["status"], listed["trigger"]) == ("by-hand", "SUCCEEDED", "http")
    assert (listed["jobs_total"], listed["jobs_succeeded"], listed["rows_written"]) == (2, 2, 6)
    history = app.request("GET", "/api/jobs/three/history").json()
    (load,) = history["loads"]
    assert (history["job_id"], history["continuation"]) == ("three", None)
    assert (load["run_id"], load["status"], load["rows_written"]) == ("by-hand", "SUCCESS", 3)
    assert set(load["duration_by_stage"]) == {"extract", "normalize", "load", "total"}
    assert app.request("GET", "/api/jobs/two/history").json()["loads"] == []


def test_every_call_that_may_change_something_is_recorded_with_who_and_how_it_was_answered(
    app: App, run: dict[str, Any]
) -> None:
    app.request("POST", "/api/runs/by-hand/cancel")
    calls = app.audit_rows("calls")
    recorded = [tuple(call.get(name) for name in ("route", "run_id", "answer_status")) for call in calls]
    assert recorded[0] == ("POST /api/runs/{run_id}/cancel", "by-hand", 409)
    assert recorded[-1] == ("POST /api/runs", "by-hand", 202)
    assert {call["caller"] for call in calls} == {f"key {sha256(app.function_key.encode()).hexdigest()[:8]}"}


def test_a_wrong_query_is_refused_with_everything_that_is_wrong(app: App) -> None:
    response = app.request("GET", "/api/runs?status=DONE&limit=0&job_id=&color=red")
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("application/problem+json")
    problems = [problem.partition(":")[0] for problem in response.json()["problems"]]
    assert problems == ["limit", "status", "job_id", "color"]


@pytest.mark.parametrize("path", ["health", "dashboard"])
def test_an_open_route_takes_what_a_probe_or_a_link_adds(app: App, path: str) -> None:
    assert app.send("GET", f"/api/{path}?t=1732975200&utm_source=").status_code == 200


@pytest.mark.parametrize("path", ["jobs", "config", "config/history", "openapi.json", "runs/by-hand"])
def test_a_parameter_that_a_route_does_not_have_is_refused(app: App, run: dict[str, Any], path: str) -> None:
    assert app.request("GET", f"/api/{path}?t=1732975200").status_code == 400


def test_the_history_of_an_unknown_job_is_not_found(app: App) -> None:
    response = app.request("GET", "/api/jobs/never_heard_of/history")
    assert response.status_code == 404
    assert response.json()["detail"].startswith("There is no job 'never_heard_of'")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/runs"), ("GET", "/api/runs/by-hand"), ("POST", "/admin/functions/scheduled_run")],
)
def test_a_route_is_closed_without_a_key(app: App, method: str, path: str) -> None:
    assert app.send(method, path).status_code == 401
    assert app.send(method, path, headers={"x-functions-key": "guessed"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/runs", 200),
        ("GET", "/api/jobs", 200),
        ("GET", "/api/openapi.json", 200),
        ("POST", "/api/runs", 401),
        ("POST", "/api/runs/by-hand/cancel", 401),
        ("POST", "/api/runs/by-hand/retry", 401),
        ("POST", "/api/jobs/one/watermark", 401),
        ("POST", "/api/config/rollback", 401),
    ],
)
def test_the_key_of_a_reader_changes_nothing(app: App, method: str, path: str, status: int) -> None:
    assert app.send(method, path, headers={"x-functions-key": app.host.reader_key}).status_code == status


def test_health_is_open_and_gives_no_name(app: App) -> None:
    response = app.send("GET", "/api/health")
    assert response.status_code == 200
    assert response.json() == {
        "status": "healthy",
        "checks": {"settings": "ok", "audit": "ok", "configuration": "ok"},
        "problems": [],
    }


def test_a_run_without_a_body_takes_all_enabled_jobs(app: App) -> None:
    headers = {"x-functions-key": app.host.function_key}
    response = app.send("POST", "/api/runs", headers=headers)
    assert response.status_code == 202
    assert list(jobs_of(app.wait(response.json()["run_id"]))) == ["one", "three", "two"]


def test_a_workbook_without_enabled_jobs_gives_a_run_without_jobs(app: App) -> None:
    app.put_workbook(app.row("one", "one", enabled="N"), app.row("two", "two", enabled="N"))
    run = app.run()
    assert (run["status"], run["jobs"]) == ("SKIPPED", [])
    assert run["progress"] == {"jobs_total": 0, "jobs_done": 0, "jobs_failed": 0, "rows": 0}
