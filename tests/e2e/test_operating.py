"""An operator's commands, and the lake's, against an app that runs: what they print, and their exit codes."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, Page

from localhost.api_client import KEY_VARIABLE
from localhost.app_client import find_running_app
from localhost.lake_tables import Lake
from localhost.local_app import host_folder
from localhost.services import LocalServices
from shared.workbook.template import write_workbook
from tests.browser import launched
from tests.conftest import service_folder
from tests.e2e.commands import call, read_until, running

PLAIN = {
    "job_id": "things",
    "source_type": "PostgreSQL",
    "source_name": "local_pg",
    "schema_name": "public",
    "table_name": "things",
    "load_type": "FULL",
    "enabled": "Y",
    "target_container": "lake",
    "target_folder_path": "raw",
}
DELTA = {
    **PLAIN,
    "job_id": "events",
    "table_name": "events",
    "load_type": "INCREMENTAL",
    "watermark_column": "id",
    "primary_key": "id",
    "table_format": "delta",
}
SLOW = {**PLAIN, "job_id": "slow", "table_name": "slow"}


QUERIES = Path(__file__).parents[2] / "docs" / "audit-queries.md"


class Operated:
    """An app that `start` runs, with a database."""

    def __init__(self, folder: Path, greeting: str) -> None:
        self.folder = folder
        self.greeting = greeting
        self.host = json.loads((host_folder(folder) / "host.json").read_text())
        self.key = json.loads((host_folder(folder) / "keys.json").read_text())["function"]

    def execute(self, *statements: str) -> None:
        words = self.greeting.split("PostgreSQL", 1)[1].split()
        host, port = words[0].rstrip(",").rsplit(":", 1)
        password = (self.folder / "postgres" / "home" / "password").read_text().strip()
        with psycopg.connect(host=host, port=port, dbname="postgres", user="postgres", password=password) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def call(self, *arguments: object, code: int = 0) -> str:
        ended = call(*arguments, "--folder", self.folder)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout if code == 0 else ended.stdout + ended.stderr

    def json(self, *arguments: object) -> Any:
        return json.loads(self.call(*arguments, "--json"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """The app with three jobs, of which two have loaded."""
    with service_folder() as temporary_folder:
        folder = temporary_folder / "app"
        with running("start", "--port", 0, "--folder", folder, temporary_folder=temporary_folder) as process:
            found = Operated(folder, read_until(process, "localhost upload"))
            found.execute(
                "create table things as select n id, 'thing ' || n as name from generate_series(1, 1234) n",
                "create table events as select n id from generate_series(1, 10) n",
                "create view slow as select 1 as id, pg_sleep(600)::text as pause",
            )
            file = tmp_path_factory.mktemp("workbook") / "w.xlsx"
            file.write_bytes(write_workbook([PLAIN, DELTA, SLOW]))
            found.call("upload", file)
            found.call("run", "--job", "things", "--job", "events")
            yield found


def test_start_names_the_dashboard_to_which_the_root_leads_and_the_way_into_the_lake(app: Operated) -> None:
    url = app.host["url"]
    assert f"dashboard     {url}/api/dashboard" in app.greeting
    assert requests.get(f"{url}/", timeout=60).url == f"{url}/api/dashboard"
    assert f"python -m localhost lake ls --folder {app.folder}" in app.greeting
    assert "connect with DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;" in app.greeting


def test_the_lake_is_listed_and_asked_by_sql(app: Operated) -> None:
    tables = {table["name"]: table for table in app.json("lake", "ls")}
    assert {name: (table["format"], table["rows"]) for name, table in tables.items()} == {
        "things": ("parquet", 1234),
        "events": ("delta", 10),
    }
    assert tables["things"]["path"] == "lake/raw/local_pg_things/things"
    assert tables["events"]["bytes"] > 0
    assert "lake/raw/local_pg_things/things" in app.call("lake", "ls")
    joined = "SELECT count(*) AS n, max(name) AS last FROM local_pg_things.things JOIN events USING (id)"
    assert app.json("lake", "query", joined) == [{"n": 10, "last": "thing 9"}]
    assert [line.split() for line in app.call("lake", "query", joined).splitlines()] == [
        ["n", "last"],
        ["10", "thing", "9"],
    ]
    loads = "SELECT job_id, sum(rows_written)::int AS n FROM audit.loads GROUP BY 1 ORDER BY 1"
    assert app.json("lake", "query", loads)[:2] == [{"job_id": "events", "n": 10}, {"job_id": "things", "n": 1234}]


def test_the_documented_queries_over_the_audit_table_are_answered(app: Operated) -> None:
    queries = re.findall(r"```sql\n(.*?)```", QUERIES.read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) > 5
    running_app = find_running_app(host_folder(app.folder))
    assert running_app is not None
    lake = Lake(running_app.storage_place)
    answers = [lake.query(query) for query in queries]
    assert all(columns for columns, _ in answers)
    nights, longest, stages = ([dict(zip(columns, row, strict=True)) for row in rows] for columns, rows in answers[:3])
    assert nights[0]["succeeded"] >= 1
    assert {row["job_id"] for row in longest} >= {"things", "events"}
    assert all(row["total"] >= row["reading"] > 0 for row in stages if row["reading"])


def test_the_timeline_says_on_which_lane_a_job_read_and_wrote_and_what_it_cost(app: Operated) -> None:
    (run,) = app.json("runs", "--status", "SUCCEEDED", "--job", "things", "--limit", "1")["runs"]
    found = find_running_app(host_folder(app.folder))
    assert found is not None
    timeline = found.get(f"runs/{run['run_id']}/timeline")
    what = {(span["job_id"], span["what"]) for span in timeline["spans"]}
    assert what >= {("things", "reading"), ("things", "writing"), ("events", "reading"), ("events", "writing")}
    assert {span["lane"] for span in timeline["spans"]} == {0, 1}
    assert [job["job_id"] for job in timeline["jobs"]] == ["events", "things"]
    assert timeline["instance_seconds"] > 0
    assert timeline["price"] is None


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP VIEW things", "only read"),
        ("COPY things TO 'lake://lake/raw/x.parquet'", "only read"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("SELECT * FROM nowhere", "Tables of the lake: events, things, audit.runs, audit.loads."),
        ("SELEC", "syntax error"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(app: Operated, sql: str, said: str) -> None:
    answer = app.call("lake", "query", sql, code=2)
    assert said in answer
    assert "Traceback" not in answer


def test_the_lake_can_be_asked_while_the_app_does_not_run(services: LocalServices, tmp_path: Path) -> None:
    missing = call("lake", "ls", "--folder", tmp_path / "nothing")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "holds no data of a local app" in missing.stderr


def test_state_jobs_history_runs_and_versions_are_shown(app: Operated) -> None:
    assert "3 jobs, 3 enabled, 0 running" in app.call("status")
    (things,) = [job for job in app.json("jobs")["jobs"] if job["job_id"] == "things"]
    assert things["last_success"]["rows_written"] == 1234
    assert [line.split()[0] for line in app.call("jobs").splitlines()] == ["Job", "things", "events", "slow"]
    assert app.call("jobs", "--show", "disabled").splitlines()[1:] == []
    assert "1,234" in app.call("history", "things")
    (run,) = app.json("runs", "--status", "SUCCEEDED", "--job", "events")["runs"]
    assert app.call("status", run["run_id"]).splitlines()[-1].startswith(f"Run {run['run_id']}: SUCCEEDED, 2 of 2")
    assert len(app.json("versions")["versions"]) == 1


def test_a_dry_run_shows_the_query_and_loads_nothing(app: Operated) -> None:
    shown = app.call("dry-run", "--job", "events")
    assert "1 jobs in 1 lanes would run. Nothing was loaded." in shown
    assert "FROM public.events" in " ".join(shown.split())
    assert len(app.json("history", "events")["loads"]) == 1


def test_a_watermark_is_rewound(app: Operated) -> None:
    assert "Say one of --to VALUE, --load-id ID and --clear." in app.call("rewind", "events", code=2)
    answer = app.json("rewind", "events", "--to", "4")
    assert (answer["watermark_before"], answer["watermark"]) == ("10", "4")
    assert app.call("rewind", "events", "--clear").startswith("The next load of events starts from the start")
    assert "has load_type FULL, and so no watermark" in app.call("rewind", "things", "--clear", code=2)


def test_an_interrupted_command_says_that_the_run_goes_on_and_a_cancelled_run_is_retried(app: Operated) -> None:
    with running("run", "--job", "slow", "--folder", app.folder, temporary_folder=app.folder.parent) as process:
        read_until(process, "RUNNING")
        run_id = app.json("runs", "--status", "RUNNING")["runs"][0]["run_id"]
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"The run continues. To cancel it: python -m localhost cancel {run_id}" in said
    assert "Traceback" not in said
    app.call("status", run_id)  # it runs
    assert f"Run {run_id} is being cancelled" in app.call("cancel", run_id)
    deadline = time.monotonic() + 120
    while app.json("runs", "--limit", "1")["runs"][0]["status"] == "RUNNING":
        assert time.monotonic() < deadline
    assert "CANCELLED" in app.call("status", run_id, code=1)
    assert "has ended; there is nothing to cancel" in app.call("cancel", run_id, code=2)
    app.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%slow%' and pid <> pg_backend_pid()",
        "create or replace view slow as select 1 as id, 'none'::text as pause",
    )  # a server goes on with a query whose reader was ended, and holds the view until it has an answer
    retried = call("retry", run_id, "--folder", app.folder)
    assert retried.returncode == 0, retried.stderr
    assert "slow: SUCCESS, 1 rows in" in retried.stderr  # lines, since this is no terminal
    assert "SUCCEEDED, 1 of 1 jobs done, 1 rows" in retried.stdout


def test_an_earlier_version_is_brought_back(app: Operated, tmp_path: Path) -> None:
    file = tmp_path / "w.xlsx"
    file.write_bytes(write_workbook([{**PLAIN, "tags": "new"}, DELTA, SLOW]))
    app.call("upload", file)
    app.call("run", "--job", "things")  # takes it in
    first, second = (one["sha256"] for one in reversed(app.json("versions")["versions"]))
    assert "There is no version that begins with 'zz'" in app.call("rollback", "zz", code=2)
    assert app.call("rollback", first[:10]) == f"Version {first[:12]} is active again.\n"
    assert app.json("versions")["versions"][0]["sha256"] == first != second


def test_a_deployed_app_is_named_by_its_address_and_the_key_comes_from_the_environment(
    app: Operated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = app.host["url"]
    without = call("jobs", "--app", url)
    assert (without.returncode, without.stdout) == (2, "")
    assert without.stderr == f"Set the environment variable {KEY_VARIABLE} to a function key of 127.0.0.1.\n"
    monkeypatch.setenv(KEY_VARIABLE, "wrong")
    refused = call("jobs", "--app", url)
    assert (refused.returncode, refused.stderr) == (
        *(2, "The app refuses the key: GET /api/jobs?limit=500 needs another one.\n"),
    )
    monkeypatch.setenv(KEY_VARIABLE, app.key)
    monkeypatch.setenv("INGESTION_APP_URL", f"{url}/api/dashboard")
    file = tmp_path / "w.xlsx"
    file.write_bytes(write_workbook([{**PLAIN, "tags": "put"}, DELTA, SLOW]))
    uploaded = call("upload", file)
    assert uploaded.returncode == 0, uploaded.stderr
    assert uploaded.stdout == f"Uploaded {file}. The app at {url} has taken it in.\n"
    ended = call("run", "--job", "events", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["status"] == "SUCCEEDED"
    assert app.key not in ended.stdout + ended.stderr
    silent = call("jobs", "--app", "http://127.0.0.1:9")
    assert (silent.returncode, silent.stdout) == (2, "")
    assert "The app does not answer at http://127.0.0.1:9/api/jobs" in silent.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


def a_page(app: Operated, browser: Browser, width: int, view: str) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 860})
    context.set_default_timeout(60_000)
    context.add_init_script(f"sessionStorage.setItem('function-key', {json.dumps(app.key)})")
    page = context.new_page()
    return visited(app, page, view)


def visited(app: Operated, page: Page, view: str) -> Page:
    page.goto(f"{app.host['url']}/api/dashboard#/{view}")
    page.locator("main h1").wait_for()
    page.wait_for_selector("main:not([aria-busy])")
    page.wait_for_load_state("networkidle")
    return page


CUT = """[...document.querySelectorAll('.scroll, html')].filter(
  (one) => one.scrollWidth > one.clientWidth).map((one) => one.className || one.tagName)"""


@pytest.mark.parametrize("width", [390, 768, 1024, 1280])
def test_no_column_is_cut_off(app: Operated, browser: Browser, width: int) -> None:
    run_id = app.json("runs", "--status", "SUCCEEDED", "--job", "things", "--limit", "1")["runs"][0]["run_id"]
    page = a_page(app, browser, width, "")
    cut = {
        view: visited(app, page, view).evaluate(CUT) for view in ("", "jobs", "jobs/events", "runs", f"runs/{run_id}")
    }
    page.context.close()
    assert not any(cut.values()), cut


def test_the_page_of_a_run_shows_its_timeline_and_cost(app: Operated, browser: Browser) -> None:
    run_id = app.json("runs", "--status", "SUCCEEDED", "--job", "events")["runs"][-1][
        "run_id"
    ]  # the first: of two jobs
    page = a_page(app, browser, 1280, f"runs/{run_id}")
    drawn = page.locator(".timeline svg")
    drawn.wait_for()
    assert "reading" in str(drawn.get_attribute("aria-label"))
    assert page.locator(".timeline rect.writing").count() == 2
    assert "of an instance" in str(page.locator("main").text_content())
    page.context.close()


def test_the_page_of_a_job_says_where_it_writes_and_rewinds_it(app: Operated, browser: Browser) -> None:
    page = a_page(app, browser, 1280, "jobs/events")
    facts = str(page.locator(".facts").first.text_content())
    assert "Writes tolake/raw/local_pg_events" in facts
    assert "Keysid" in facts
    page.get_by_text("What its cells come to").click()
    assert "watermark_column" in str(page.get_by_role("region", name="Cells").text_content())
    page.get_by_role("button", name="Rewind events").click()
    page.locator("dialog").get_by_label("Watermark").fill("7")
    page.locator("dialog").get_by_role("button", name="Rewind", exact=True).click()
    page.locator("#notices", has_text="The next load of events starts after 7.").wait_for()
    page.context.close()


def test_a_version_is_brought_back_on_the_page(app: Operated, browser: Browser) -> None:
    page = a_page(app, browser, 1280, "workbook")
    versions = app.json("versions")["versions"]
    wanted = next(one["sha256"] for one in versions if one["sha256"] != versions[0]["sha256"])
    page.get_by_role("button", name=f"Roll back to {wanted[:12]}").first.click()
    page.locator("dialog").get_by_role("button", name="Roll back", exact=True).click()
    page.locator("#notices", has_text=f"Version {wanted[:12]} is active again.").wait_for()
    page.context.close()
    assert app.json("versions")["versions"][0]["sha256"] == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        ["template", "/dev/null/t.xlsx"],
        ["start", "--folder", "/dev/null/app"],
        ["run", "--folder", "/dev/null/app"],
        ["status", "--folder", "/dev/null/app"],
        ["lake", "ls", "--folder", "/dev/null/app"],
    ],
)
def test_a_path_that_cannot_be_used_is_one_sentence(arguments: list[str]) -> None:
    ended = call(*arguments)
    assert (ended.returncode, ended.stdout.removeprefix("Starting the services and the app …\n")) == (2, "")
    assert "/dev/null" in ended.stderr
    assert "Traceback" not in ended.stderr
