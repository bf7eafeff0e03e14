"""The routes about the configuration, and uploads while runs go on."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openpyxl
import pytest
import requests

from tests.builders import a_workbook
from tests.e2e.app import SOURCE, App, jobs_of

ONE_AT_A_TIME = {"source_name": SOURCE, "max_concurrent_jobs": 1}
BAD = a_workbook({"load_type": "INCR"}, {"enabled": "perhaps"})


@pytest.fixture(scope="module", autouse=True)
def _tables(app: App) -> None:
    app.create_tables("one", "two", "three")


def check(app: App, content: bytes, query: str = "") -> requests.Response:
    headers = {"x-functions-key": app.host.function_key}
    return app.send("POST", f"/api/config/validate{query}", data=content, headers=headers)


def history(app: App) -> list[dict[str, Any]]:
    versions: list[dict[str, Any]] = app.request("GET", "/api/config/history").json()["versions"]
    return versions


def test_nothing_is_active_before_the_first_upload(app: App) -> None:
    assert app.request("GET", "/api/config").json() == {
        "active": None,
        "last_refusal": None,
    }
    assert app.request("GET", "/api/jobs").status_code == 404
    assert history(app) == []


def test_a_workbook_is_checked_without_becoming_active(app: App) -> None:
    good = check(app, a_workbook({"job_id": "checked"})).json()
    assert (good["valid"], good["jobs"], good["problems"]) == (True, ["checked"], [])
    assert good["changes"] is None  # there is nothing yet to compare with
    bad = check(app, BAD).json()
    assert (bad["valid"], [problem["cell"] for problem in bad["problems"]]) == (
        False,
        ["F2", "G3"],
    )
    assert check(app, b"no workbook").json()["problems"] != []
    assert app.request("GET", "/api/config").json()["active"] is None


def test_the_checked_workbook_comes_back_with_its_problems(app: App) -> None:
    response = check(app, BAD, "?annotated=1")
    assert (
        response.status_code,
        response.headers["Content-Type"].partition("sheet;")[0][:30],
    ) == (*(200, "application/vnd.openxmlformats"),)
    workbook = openpyxl.load_workbook(io.BytesIO(response.content))
    assert "'INCR' is not one of FULL, INCREMENTAL" in workbook["SourceConfig"]["F2"].comment.text
    assert [row[1].value for row in workbook["Problems"].iter_rows(min_row=2)] == [
        "SourceConfig!F2",
        "SourceConfig!G3",
    ]


def test_a_file_that_cannot_be_opened_cannot_come_back_annotated(app: App) -> None:
    response = check(app, b"no workbook", "?annotated=1")
    assert response.status_code == 422
    assert len(response.json()["problems"]) == 1


def test_good_bad_good_uploads_while_a_run_goes_on(app: App) -> None:
    app.upload(a_workbook(app.row("a", "one"), app.row("b", "two"), sources=[ONE_AT_A_TIME]))
    with app.locked("one", readers=1) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        refused = app.upload(BAD)
        meanwhile = app.request("GET", "/api/config").json()
        activated = app.upload(a_workbook(app.row("c", "three")))
    run = app.wait(run_id)
    assert (run["status"], list(jobs_of(run))) == ("SUCCEEDED", ["a", "b"])

    refusal = "The uploaded workbook was refused with 2 problem(s)"
    app.until(lambda: refusal in app.host.log_text(), "the host's log says that the workbook was refused")

    assert meanwhile["active"]["sha256"] == run["config_sha256"]
    assert meanwhile["last_refusal"]["sha256"] == refused["sha256"]
    assert len(meanwhile["last_refusal"]["problems"]) == 2
    active = app.request("GET", "/api/config").json()["active"]
    assert (active["sha256"], active["changes"]) == (
        activated["sha256"],
        "1 added, 2 removed, 1 changed",
    )
    assert (active["jobs"], active["jobs_enabled"], active["requests"]) == (1, 1, [])
    assert [version["sha256"] for version in history(app)] == [
        activated["sha256"],
        run["config_sha256"],
    ]


def test_of_concurrent_uploads_the_last_one_in_the_blob_is_active_and_none_is_lost(
    app: App,
) -> None:
    contents = [a_workbook(app.row(f"upload_{n}", "one")) for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(app.upload_workbook, contents))
    run = app.run()
    (job_id,) = jobs_of(run)
    last = app.workbook.download_blob().readall()
    assert check(app, last).json()["jobs"] == [job_id]
    changed = check(app, a_workbook(app.row(job_id, "one", chunk_size=7))).json()["changes"]["changed"]
    assert [(cell["row"], cell["column"], cell["after"]) for cell in changed] == [(job_id, "chunk_size", 7)]
    assert app.request("GET", "/api/config").json()["active"]["sha256"] == run["config_sha256"]


def test_a_rollback_brings_an_earlier_version_back_until_the_next_upload(
    app: App,
) -> None:
    first = app.upload(a_workbook(app.row("first", "one")))
    second = app.upload(a_workbook(app.row("second", "two")))
    body = {"sha256": first["sha256"], "by": "ann@example.com"}
    response = app.request("POST", "/api/config/rollback", body)
    assert response.status_code == 200
    assert response.json()["changes"] == {"added": ["first"], "removed": ["second"]} | {
        name: [] for name in ("enabled", "disabled", "changed", "requests")
    }
    active = app.request("GET", "/api/config").json()["active"]
    assert (active["sha256"], active["previous_sha256"]) == (
        first["sha256"],
        second["sha256"],
    )
    assert active["uploaded_by"] == "ann@example.com"
    (row,) = [row for row in app.audit_rows("workbook") if row["status"] == "ROLLED_BACK"]
    assert (row["sha256"], row["uploaded_by"]) == (first["sha256"], "ann@example.com")
    assert list(jobs_of(app.run())) == ["first"]

    app.upload(a_workbook(app.row("third", "three")))
    assert list(jobs_of(app.run())) == ["third"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"sha256": "f" * 64}, 404, "There is no version ffff"),
        ({"sha256": "abc"}, 400, "sha256: String should match"),
        ({}, 400, "sha256: Field required"),
        ({"sha256": "active"}, 409, "is the active one already"),
    ],
    ids=["unknown", "no digest", "nothing", "active"],
)
def test_a_rollback_that_makes_no_sense_is_refused(app: App, body: dict[str, str], status: int, text: str) -> None:
    if body.get("sha256") == "active":
        body = {"sha256": app.request("GET", "/api/config").json()["active"]["sha256"]}
    response = app.request("POST", "/api/config/rollback", body)
    assert (response.status_code, response.headers["Content-Type"].split(";")[0]) == (
        status,
        "application/problem+json",
    )
    assert text in response.text


def test_the_jobs_are_listed_with_their_next_start_and_last_result(app: App) -> None:
    app.upload(
        a_workbook(
            app.row("listed", "one", tags="daily"),
            app.row("daily", "two", schedule="0 3 * * *"),
            app.row("off", "three", enabled="N"),
        )
    )
    run = app.run(tags=["daily"])
    assert [job.get("error_message") for job in run["jobs"]] == [None]
    answer = app.request("GET", "/api/jobs").json()
    assert answer["config_sha256"] == run["config_sha256"]
    jobs = {job["job_id"]: job for job in answer["jobs"]}
    assert jobs["listed"]["last_result"]["run_id"] == run["run_id"]
    assert (
        jobs["listed"]["last_result"]["status"],
        jobs["listed"]["last_result"]["rows_written"],
    ) == ("SUCCESS", 3)
    assert (jobs["daily"]["last_result"], jobs["off"]["next_due"]) == (None, None)
    assert jobs["listed"]["next_due"] == jobs["daily"]["next_due"]  # the app's timer has one tick in four years
    assert "-02-29T00:00:00" in jobs["listed"]["next_due"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/config/validate"),
        ("GET", "/api/config"),
        ("GET", "/api/config/history"),
        ("POST", "/api/config/rollback"),
        ("GET", "/api/jobs"),
    ],
)
def test_a_route_is_closed_without_a_key(app: App, method: str, path: str) -> None:
    assert app.send(method, path).status_code == 401
