"""Uploads by HTTP and by the dashboard: they do what an upload of the blob does, and say at once what became of it."""

from __future__ import annotations

import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openpyxl
import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser import axe_script
from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of
from tests.e2e.pages import press, visit

BAD = a_workbook({"load_type": "INCR"}, {"enabled": "perhaps"})
DROP = """([name, content]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.codePointAt(0))], name));
    const dropped = { dataTransfer: files, bubbles: true, cancelable: true };
    for (const kind of ["dragover", "drop"]) document.querySelector("main").dispatchEvent(new DragEvent(kind, dropped));
}"""


@pytest.fixture(scope="module", autouse=True)
def _tables(app: App) -> None:
    app.create_tables("one", "two")


def put(app: App, content: bytes, query: str = "", key: str | None = None) -> requests.Response:
    headers = {"x-functions-key": key or app.host.function_key}
    return app.send("PUT", f"/api/config{query}", data=content, headers=headers)


def state(app: App) -> dict[str, Any]:
    found: dict[str, Any] = app.request("GET", "/api/config").json()
    return found


def will_choose(page: Page, name: str, content: bytes) -> None:
    """Answer the browser's dialog for files as soon as it opens: to wait for it begins too late on a busy machine."""
    file: Any = {"name": name, "mimeType": "", "buffer": content}
    page.once("filechooser", lambda chooser: chooser.set_files(file))
    page.evaluate("0")  # the browser knows by now that its dialog is answered


def choose(page: Page, name: str, content: bytes) -> None:
    will_choose(page, name, content)
    press(page, "Choose a workbook")


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, [name, b64encode(content).decode()])


def saved(page: Page, button: str) -> openpyxl.Workbook:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return openpyxl.load_workbook(io.BytesIO(download.value.path().read_bytes()))


def test_an_upload_is_answered_with_its_difference_and_its_requests_are_carried_out(app: App) -> None:
    order = {"request_id": "at-once", "job_id": "first", "action": "run"}
    content = a_workbook(app.row("first", "one"), requests=[order])
    answer = put(app, content, "?replaces=none")
    assert answer.status_code == 200, answer.text
    taken = answer.json()
    assert (taken["outcome"], taken["changes"]["added"], taken["warnings"]) == ("ACTIVATED", ["first"], [])
    assert app.workbook.download_blob().readall() == content
    run = app.wait(f"requests-{taken['sha256'][:12]}")
    assert list(jobs_of(run)) == ["first"]
    again = put(app, content).json()
    assert (again["outcome"], again["sha256"]) == ("UNCHANGED", taken["sha256"])
    (row,) = app.audit_rows("workbook")
    assert (row["status"], row["uploaded_by"]) == ("ACTIVATED", state(app)["active"]["uploaded_by"])
    assert row["uploaded_by"].startswith("key ")


def test_a_refused_upload_is_answered_with_its_problems_by_cell_and_can_be_read_with_them(app: App) -> None:
    before = state(app)["active"]["sha256"]
    answer = put(app, BAD)
    assert answer.status_code == 422
    refused = answer.json()
    assert [(one["sheet"], one["cell"], one["column"]) for one in refused["problems"]] == [
        ("SourceConfig", "F2", "load_type"),
        ("SourceConfig", "G3", "enabled"),
    ]
    assert (refused["outcome"], refused["active_sha256"]) == ("REFUSED", before)
    last = state(app)["last_refusal"]
    assert (last["is_newest"], last["annotated"]) == (True, refused["annotated"])
    copy = app.request("GET", refused["annotated"])
    workbook = openpyxl.load_workbook(io.BytesIO(copy.content))
    assert "'INCR' is not one of FULL, INCREMENTAL" in workbook["SourceConfig"]["F2"].comment.text
    unknown = app.request("GET", "/api/config/refused/2026-01-01T00-00-00.000000Z-0123456789ab")
    assert unknown.status_code == 404


def test_an_upload_that_removes_most_jobs_needs_its_confirmation(app: App) -> None:
    rows = [app.row(name, name) for name in ("first", "b", "c", "d")]
    assert put(app, a_workbook(*rows)).status_code == 200
    refused = put(app, a_workbook(rows[0])).json()
    assert "removes 3 of the 4 active jobs (b, c, d)" in refused["problems"][0]["message"]
    confirmation = {"request_id": "sure", "action": "remove_jobs"}
    assert put(app, a_workbook(rows[0], requests=[confirmation])).json()["changes"]["removed"] == ["b", "c", "d"]


def test_a_run_that_goes_on_keeps_its_version(app: App) -> None:
    assert put(app, a_workbook(app.row("first", "one"))).status_code == 200
    with app.locked("one", readers=1) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        before = state(app)["active"]["sha256"]
        assert put(app, a_workbook(app.row("second", "two"))).json()["outcome"] == "ACTIVATED"
    run = app.wait(run_id)
    assert (run["status"], run["config_sha256"], list(jobs_of(run))) == ("SUCCEEDED", before, ["first"])
    assert list(jobs_of(app.run())) == ["second"]


def test_of_uploads_at_once_the_last_in_the_blob_is_active_and_the_others_know_it(app: App) -> None:
    contents = [a_workbook(app.row(f"upload_{n}", "one")) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda content: put(app, content), contents))
    last = answers[contents.index(app.workbook.download_blob().readall())]
    assert last.json()["sha256"] == state(app)["active"]["sha256"]
    assert {answer.status_code for answer in answers} <= {200, 409}


@pytest.mark.parametrize(
    ("content", "query", "status", "text"),
    [
        (b"", "", 400, "The request has no body"),
        (BAD, "?replaces=abc", 400, "replaces: 'abc': String should match"),
        (BAD, f"?replaces={'0' * 64}", 409, "Another version became active since the workbook was checked"),
    ],
    ids=["no body", "no digest", "another version"],
)
def test_a_call_that_cannot_be_meant_uploads_nothing(
    app: App, content: bytes, query: str, status: int, text: str
) -> None:
    before = app.workbook.get_blob_properties().etag
    answer = put(app, content, query)
    assert (answer.status_code, text in answer.text) == (status, True)
    assert app.workbook.get_blob_properties().etag == before


def test_a_readers_key_uploads_nothing_and_reads_what_was_refused(app: App) -> None:
    assert put(app, BAD, key=app.host.reader_key).status_code == 401
    assert app.send("PUT", "/api/config", data=BAD).status_code == 401
    headers = {"x-functions-key": app.host.reader_key}
    assert app.send("GET", put(app, BAD).json()["annotated"], headers=headers).status_code == 200


def test_a_workbook_is_chosen_by_keyboard_checked_compared_and_made_active(page: Page, app: App) -> None:
    put(app, a_workbook(app.row("kept", "one")))
    visit(page, app, "workbook")
    content = a_workbook(app.row("kept", "one", chunk_size=7), app.row("fresh", "two"))
    will_choose(page, "next.xlsx", content)
    button = page.get_by_role("button", name="Choose a workbook")
    while not button.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="Check of next.xlsx")
    expect(panel).to_contain_text("next.xlsx is valid and not active yet")
    expect(panel).to_contain_text("Added (1)")
    expect(panel.locator("tr", has_text="chunk_size").locator("ins")).to_have_text("7")
    assert state(app)["active"]["jobs"] == 1
    activate = page.get_by_role("button", name="Make it active")
    while not activate.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("next.xlsx is active: version")).to_be_visible()
    expect(panel).to_have_count(0)
    expect(page.locator(".facts").first).to_contain_text("2 jobs, 2 enabled")


def test_a_dropped_workbook_with_problems_shows_their_cells_and_comes_back_with_them(page: Page, app: App) -> None:
    visit(page, app, "workbook")
    drop(page, "bad.xlsx", BAD)
    panel = page.get_by_role("region", name="Check of bad.xlsx")
    expect(panel).to_contain_text("bad.xlsx cannot become active")
    expect(panel.locator("tr", has_text="SourceConfig!F2")).to_contain_text("'INCR' is not one of FULL, INCREMENTAL")
    expect(page.get_by_role("button", name="Make it active")).to_have_count(0)
    assert "'INCR'" in saved(page, "Download with the problems marked")["SourceConfig"]["F2"].comment.text
    press(page, "Discard")
    expect(panel).to_have_count(0)


def test_a_version_that_came_meanwhile_is_shown_before_it_is_replaced(page: Page, app: App) -> None:
    put(app, a_workbook(app.row("mine", "one")))
    visit(page, app, "workbook")
    choose(page, "mine.xlsx", a_workbook(app.row("mine", "one", chunk_size=7)))
    expect(page.get_by_role("button", name="Make it active")).to_be_visible()
    theirs = put(app, a_workbook(app.row("mine", "one", chunk_size=9))).json()
    press(page, "Make it active")
    expect(page.get_by_role("alert")).to_contain_text("Another version became active since the workbook was checked")
    panel = page.get_by_role("region", name="Check of mine.xlsx")
    expect(panel.locator("tr", has_text="chunk_size").locator("del")).to_have_text("9")
    assert state(app)["active"]["sha256"] == theirs["sha256"]
    press(page, "Make it active")
    expect(page.get_by_text("mine.xlsx is active: version")).to_be_visible()


def test_a_refused_upload_is_on_the_overview_until_a_better_one_comes(page: Page, app: App) -> None:
    put(app, BAD)
    visit(page, app, "workbook")
    drop(page, "bad.xlsx", BAD)
    expect(page.get_by_role("region", name="Check of bad.xlsx")).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Overview").click()
    card = page.get_by_role("region", name="The last upload was refused")
    expect(card).to_contain_text("SourceConfig!F2 load_type: 'INCR' is not one of FULL, INCREMENTAL")
    accessible(page)
    copy = saved(page, "Download the workbook refused")
    assert copy["Problems"]["B2"].value == "SourceConfig!F2"
    put(app, a_workbook(app.row("mine", "one", chunk_size=11)))
    page.reload()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    expect(card).to_have_count(0)


def accessible(page: Page) -> None:
    """No rule of axe is broken, in both themes, and nothing is cut at the width of a phone."""
    page.evaluate(axe_script())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
