"""The dashboard in a real browser, against the running app with 1,000 jobs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, expect

from localhost.services import LocalServices
from shared.errors.hints import HINTS
from tests.browser import axe_script
from tests.builders import a_workbook
from tests.e2e import seeds
from tests.e2e.app import App
from tests.e2e.pages import WAIT_MS, confirm, press, visit

YEARLY = "0 0 3 1 1 *"  # so that what was loaded years ago is overdue, and nothing starts meanwhile
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
VIEWS = ("", "jobs?show=overdue", "jobs/gone", f"runs/{seeds.BIG_RUN}", "workbook")


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with two versions of a workbook, a refused upload, and an audit table that is full."""
    started = App(services, tmp_path_factory.mktemp("host"), INGESTION_SCHEDULE=YEARLY)
    with started.host:
        started.create_tables("orders", "slow", rows=500)
        own = [started.row(name, name) for name in ("orders", "slow", "gone")]
        crm = [a_seeded_row(number) for number in range(seeds.JOBS)]
        changed = own[0] | {"chunk_size": 5_000, "query_filter": f"name <> '{MARKUP}'"}
        uploads = [[own[0]], [changed, *own[1:], *crm], [{"load_type": MARKUP}, {"enabled": "perhaps"}]]
        statuses = [started.upload(a_workbook(*rows))["status"] for rows in uploads]
        assert statuses == ["ACTIVATED", "ACTIVATED", "REFUSED"]
        seeds.write(services.table_service().get_table_client(started.settings["AUDIT_TABLE"]), runs=130, history=130)
        yield started


def a_seeded_row(number: int) -> dict[str, Any]:
    return {
        "job_id": seeds.job_id(number),
        "source_name": "crm",
        "table_name": f"table_{number:04}",
        "load_type": "INCREMENTAL",
        "watermark_column": "updated_at",
        "enabled": "N" if number % 100 == 11 else "Y",
    }


def started_run(page: Page) -> str:
    """The id of the run that the page says it has started."""
    link = page.locator("#notices a").last
    expect(link).to_be_visible()
    return str(link.text_content())


def test_the_key_is_asked_for_once_and_a_wrong_one_is_refused(context: BrowserContext, app: App) -> None:
    page = context.new_page()
    page.goto(f"{app.url}/api/dashboard")
    for key in ("wrong", app.function_key):
        page.get_by_label("Key", exact=True).fill(key)
        confirm(page, "Use this key")
        if key == "wrong":
            expect(page.locator("dialog")).to_contain_text("did not accept the key")
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    assert app.function_key not in page.url
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    press(page, "Forget key")
    expect(page.locator("dialog")).to_contain_text("answers only with a function key")
    confirm(page, "Back")
    expect(page.get_by_role("button", name="Enter the key")).to_be_visible()
    press(page, "Dark")
    expect(page.get_by_role("heading", name="Last runs")).to_have_count(0)  # what is locked stays locked


def test_a_readers_key_that_may_not_start_a_run_is_kept(context: BrowserContext, app: App) -> None:
    page = context.new_page()
    page.goto(f"{app.url}/api/dashboard#/jobs/orders")
    page.get_by_label("Key", exact=True).fill(app.host.reader_key)
    confirm(page, "Use this key")
    press(page, "Run orders")
    confirm(page, "Run")
    with page.expect_response(lambda response: "/history" in response.url):
        expect(page.get_by_role("alert")).to_contain_text("This key may not do that.")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(200)
    expect(page.get_by_role("alert")).to_contain_text("This key may not do that.")  # until it is read
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Forget key")).to_be_visible()


def test_a_user_who_gets_no_answer_to_a_call_is_asked_to_look_whether_it_was_taken(page: Page, app: App) -> None:
    visit(page, app, "jobs/orders")
    page.route("**/api/runs", lambda route: route.abort())
    press(page, "Run orders")
    confirm(page, "Run")
    expect(page.get_by_role("alert")).to_contain_text("Check the list of runs before you repeat the request.")


def test_a_run_is_started_watched_and_cancelled(page: Page, app: App) -> None:
    with app.locked("slow", readers=1) as until_readers_wait:
        visit(page, app, "jobs/slow")
        press(page, "Run slow")
        confirm(page, "Run")
        run_id = started_run(page)
        until_readers_wait()
        expect(page.locator("main h1 + .badge")).to_have_text("Running")
        expect(page.get_by_role("region", name="Now running")).to_contain_text(run_id)
        expect(page.get_by_role("button", name="Run slow", exact=True)).to_be_disabled()
        visit(page, app, "jobs?show=running")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("0 rows")
        expect(page.get_by_role("button", name="Run slow", exact=True)).to_be_disabled()
        visit(page, app)
        card = page.get_by_role("region", name=run_id)
        expect(card).to_contain_text("0 of 1 job")
        expect(card.get_by_label("Progress of slow")).to_be_visible()
        press(page, f"Cancel run {run_id}")
        confirm(page, "Cancel the run")
        expect(page.get_by_role("heading", name="Nothing").or_(page.get_by_text("Nothing is running."))).to_be_visible()
    visit(page, app, f"runs/{run_id}")
    expect(page.locator("main h1 + .badge")).to_have_text("Cancelled")
    for status, found in (("RUNNING", []), ("CANCELLED,FAILED", ["slow"])):
        run = app.request("GET", f"/api/runs/{run_id}?job_status={status}").json()
        assert ([job["job_id"] for job in run["jobs"]], run["progress"]["jobs_done"]) == (found, 1)


def test_a_dry_run_shows_the_query_and_loads_nothing(page: Page, app: App) -> None:
    visit(page, app, "jobs/orders")
    press(page, "Dry run of orders")
    dialog = page.locator("dialog")
    expect(dialog.locator("pre")).to_contain_text("SELECT")
    expect(dialog).to_contain_text("Nothing was loaded.")
    expect(dialog).to_contain_text("id int64, name string")
    confirm(page, "Close")
    assert app.audit_rows("job:orders") == []


def test_a_failed_job_says_what_to_do_and_can_be_retried(page: Page, app: App) -> None:
    run = app.run(job_ids=["orders", "gone"])
    visit(page, app, "jobs/gone")
    panel = page.get_by_role("region", name="The last load failed")
    expect(panel).to_contain_text("Table 'public.gone' does not exist")
    expect(panel).to_contain_text(HINTS["source"])
    visit(page, app, f"runs/{run['run_id']}")
    press(page, "Retry what failed")
    confirm(page, "Retry")
    again = app.wait(started_run(page))
    assert [job["job_id"] for job in again["jobs"]] == ["gone"]


def test_a_load_that_warns_is_shown_wherever_its_job_is(page: Page, app: App) -> None:
    warned = seeds.job_id(seeds.WARNED)
    visit(page, app, "jobs?show=warned")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(warned)
    expect(page.locator("tbody tr")).to_contain_text("Warning")
    visit(page, app, f"runs/{seeds.BIG_RUN}")
    page.get_by_label("Filter jobs of the run").fill(warned)
    expect(page.locator("tbody tr")).to_contain_text(seeds.WARNING)
    visit(page, app, f"jobs/{warned}")
    expect(page.get_by_role("region", name="The last load warns")).to_contain_text(seeds.WARNING)
    expect(page.locator("tbody tr", has_text=seeds.WARNING)).to_have_count(1)
    visit(page, app)
    expect(page.get_by_role("link", name="Jobs with warnings")).to_contain_text("1")


def test_the_page_of_a_job_shows_its_loads_watermark_and_schema_changes(page: Page, app: App) -> None:
    visit(page, app, f"jobs/{seeds.BUSY_JOB}")
    expect(page.get_by_text("updated_at = 2026-03-01T04:59:00+00:00")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Rows per load: "))).to_be_visible()
    expect(page.locator(".changes")).to_contain_text("column 'region' added (string)")
    page.get_by_text("The last load in full").click()
    expect(page.locator("details .facts")).to_contain_text("rows written1,000")
    press(page, "Show older loads")
    expect(page.get_by_text("130 of 130")).to_be_visible()
    seeds.write_newest_load(app.services.table_service().get_table_client(app.settings["AUDIT_TABLE"]))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("131 of 131")).to_be_visible()  # none falls between the newest page and the older ones


def test_the_workbook_shows_its_difference_and_the_refused_upload(page: Page, app: App) -> None:
    visit(page, app, "workbook")
    changed = page.locator("#content tr", has_text="chunk_size")
    expect(changed.locator("del")).to_have_text("100000")
    expect(changed.locator("ins")).to_have_text("5000")
    expect(page.get_by_text("Added (1,002)")).to_be_visible()
    page.locator("summary", has_text="2 problems").click()
    expect(page.locator(".problems")).to_contain_text("'perhaps' is not one of Y, N")


def test_a_thousand_jobs_are_filtered_sorted_and_paged_without_a_request_for_each(
    page: Page, app: App, record_property: Callable[[str, object], None]
) -> None:
    expect(page.get_by_role("heading", name="Needs attention")).to_be_visible()  # the first view asks for no more
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    began = time.perf_counter()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    record_property("seconds_until_1003_jobs_are_listed", round(time.perf_counter() - began, 2))
    expect(rows.get_by_role("img").first).to_be_visible()
    assert len([request for request in requests if "/api/" in request.url]) < 20  # of 50 rows
    assert page.evaluate("document.querySelectorAll('*').length") < 5_000

    began = time.perf_counter()
    page.get_by_label("Filter jobs").fill("table_09 crm")
    expect(page.get_by_text("100 of 1,003")).to_be_visible()
    record_property("seconds_to_filter", round(time.perf_counter() - began, 2))
    press(page, "Job", exact=True)
    press(page, "Job", exact=True)
    expect(rows.first).to_contain_text("crm_table_0999")
    press(page, "Next")
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(rows.first).to_contain_text("crm_table_0949")
    page.get_by_role("link", name="Overdue").click()
    expect(rows).to_have_count(2)  # the filter stays; without this the old page's field may be emptied
    page.get_by_label("Filter jobs").fill("")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text(re.compile(r"since \d{3} days ago"))


def test_runs_are_shown_by_state_and_page(page: Page, app: App) -> None:
    visit(page, app, "runs?status=PARTLY_FAILED")
    expect(page.locator("tbody tr", has_text=seeds.BIG_RUN)).to_be_visible()
    visit(page, app, "runs")
    press(page, "Show older runs")
    expect(page.get_by_text("Page 1 of 3")).to_be_visible()
    press(page, "Next")
    press(page, "Next")
    expect(page.locator("tbody tr").last).to_contain_text("scheduled-0129")


def test_everything_can_be_reached_with_the_keyboard(page: Page, app: App) -> None:
    page.reload()
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    visit(page, app, "jobs/orders")
    button = page.get_by_role("button", name="Run orders", exact=True)
    while not button.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Full refresh")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(button).to_be_focused()


def test_what_is_typed_and_focused_outlasts_a_new_reading(page: Page, app: App) -> None:
    visit(page, app, f"runs/{seeds.BIG_RUN}")
    page.get_by_label("Filter jobs of the run").fill("table_0003")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("summary").click()
    page.get_by_label("Filter jobs of the run").focus()
    with page.expect_response(lambda response: seeds.BIG_RUN in response.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(200)
    expect(page.get_by_label("Filter jobs of the run")).to_be_focused()
    expect(page.get_by_label("Filter jobs of the run")).to_have_value("table_0003")
    expect(page.get_by_text(HINTS["source"])).to_be_visible()


def test_nothing_that_comes_from_outside_becomes_markup(page: Page, app: App) -> None:
    alerts: list[Dialog] = []
    page.on("dialog", lambda dialog: alerts.append(dialog))
    hurt = {"PartitionKey": "job:hurt", "RowKey": "8" * 13 + "-r", "run_id": MARKUP, "job_id": "hurt", "attempt": 1}
    hurt |= {"status": "FAILED", "start_time": seeds.NOW, "end_time": seeds.NOW, "error_kind": MARKUP}
    hurt |= dict.fromkeys(("rows_extracted", "rows_written", "bytes_written", "files_written"), 0)
    hurt |= {"error_message": MARKUP, "watermark_after": MARKUP, "schema_changes": json.dumps([MARKUP])}
    app.services.table_service().get_table_client(app.settings["AUDIT_TABLE"]).upsert_entity(hurt)
    for view, shown in (("jobs/hurt", 4), ("workbook", 1)):
        visit(page, app, view)
        expect(page.get_by_text(MARKUP)).not_to_have_count(0)
        assert page.locator("main").inner_text().count(MARKUP) >= shown
    visit(page, app, f"jobs/{MARKUP}")
    assert page.locator("img, main script").count() == 0
    assert alerts == []


def test_the_browser_itself_refuses_markup(browser: Browser, app: App) -> None:
    with browser.new_context() as context:
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(f"{app.url}/api/dashboard")
        with pytest.raises(Exception, match="TrustedHTML"):
            page.evaluate("document.body.innerHTML = '<b>bold</b>'")


def test_every_view_is_accessible_in_both_themes(page: Page, app: App) -> None:
    every = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
    for view in VIEWS:
        visit(page, app, view)
        page.evaluate(axe_script())
        found = []
        for scheme, rules in (("light", every), ("dark", ["color-contrast"])):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += page.evaluate("rules => axe.run({runOnly: rules})", rules)["violations"]
        assert [(view, one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_the_theme_is_the_systems_until_the_reader_chooses(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    button = page.get_by_role("button", name="Dark")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "false")
