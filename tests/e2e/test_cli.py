"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
import requests

from shared.workbook.template import write_workbook
from tests.conftest import service_folder
from tests.e2e.commands import call, left_over, read_until, running

GOOD = {
    "job_id": "pg_sizing_full",
    "source_type": "PostgreSQL",
    "source_name": "local_pg",
    "schema_name": "information_schema",
    "table_name": "sql_sizing",  # the standard puts it into every database
    "load_type": "FULL",
    "enabled": "Y",
    "target_container": "lake",
    "target_folder_path": "raw",
}
FAILING = {**GOOD, "job_id": "pg_gone_full", "table_name": "gone"}


@dataclass(frozen=True)
class Started:
    """An app that `start` runs."""

    folder: Path
    greeting: str

    @property
    def url(self) -> str:
        return str(json.loads((self.folder / "host" / "host.json").read_text())["url"])


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    """`python -m localhost start`, until its end by Ctrl-C, which leaves no process."""
    with service_folder() as temporary_folder:
        folder = temporary_folder / "app"
        with running("start", "--port", 0, "--folder", folder, temporary_folder=temporary_folder) as process:
            yield Started(folder, read_until(process, "localhost upload"))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=120)
        assert (process.returncode, output.strip()) == (130, "")
        assert left_over(temporary_folder) == []


def a_file(folder: Path, *rows: dict[str, str]) -> Path:
    file = folder / "workbook.xlsx"
    file.write_bytes(write_workbook(rows))
    return file


def test_start_says_where_the_app_is_and_how_to_get_a_workbook(started: Started) -> None:
    assert requests.get(f"{started.url}/api/health", timeout=60).json()["status"] == "healthy"
    assert f"curl -X POST {started.url}/api/runs -H 'x-functions-key: " in started.greeting
    assert "python -m localhost template FILE.xlsx" in started.greeting


def test_a_second_start_in_the_folder_is_refused_in_one_sentence(started: Started) -> None:
    ended = call("start", "--folder", started.folder)
    sentence = f"The app runs already at {started.url}: end that one, or choose another --folder.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", sentence)


def test_a_run_of_a_good_workbook_ends_with_0_and_prints_nothing_but_json(started: Started, tmp_path: Path) -> None:
    ended = call("run", "--workbook", a_file(tmp_path, GOOD), "--json", "--folder", started.folder)
    assert ended.returncode == 0, ended.stderr
    run = json.loads(ended.stdout)
    assert (run["status"], [job["rows_written"] for job in run["jobs"]]) == ("SUCCEEDED", [23])


def test_a_run_with_a_failed_job_ends_with_1_and_shows_why(started: Started, tmp_path: Path) -> None:
    ended = call("run", "--workbook", a_file(tmp_path, GOOD, FAILING), "--folder", started.folder)
    assert ended.returncode == 1, ended.stderr
    assert "PARTLY_FAILED, 2 of 2 jobs done, 1 failed, 23 rows" in ended.stdout
    assert any(line.startswith("pg_gone_full: ") and "gone" in line for line in ended.stdout.splitlines())


def test_a_run_in_which_nothing_ran_ends_with_3(started: Started, tmp_path: Path) -> None:
    ended = call("run", "--workbook", a_file(tmp_path, {**GOOD, "enabled": "N"}), "--folder", started.folder)
    assert ended.returncode == 3, ended.stderr
    assert "SKIPPED" in ended.stdout


def test_an_uploaded_workbook_is_what_the_next_run_uses(started: Started, tmp_path: Path) -> None:
    uploaded = call("upload", a_file(tmp_path, {**GOOD, "job_id": "pg_other_full"}), "--folder", started.folder)
    assert uploaded.returncode == 0, uploaded.stderr
    ended = call("run", "--job", "pg_sizing_full", "--folder", started.folder)
    assert ended.returncode == 2
    assert "job_ids: 'pg_sizing_full' is not a job of the active workbook" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_run_without_a_started_app_brings_its_own_and_takes_it_away(tmp_path: Path) -> None:
    with service_folder() as folder:
        arguments = ("run", "--workbook", a_file(tmp_path, GOOD), "--job", "pg_sizing_full", "--folder", folder / "app")
        with running(*arguments, temporary_folder=folder) as process:
            output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
        assert "SUCCEEDED, 1 of 1 jobs done, 23 rows" in output
        assert left_over(folder) == []


def test_a_bad_workbook_is_neither_uploaded_nor_run(started: Started, tmp_path: Path) -> None:
    file = a_file(tmp_path, {**GOOD, "load_type": "INCR"})
    for command in (["run", "--workbook", file], ["upload", file]):
        ended = call(*command, "--folder", started.folder)
        assert (ended.returncode, ended.stdout) == (4, "")
        assert f"{file} is refused, 1 problem(s):\n- SourceConfig!F2 load_type: 'INCR'" in ended.stderr


def test_a_workbook_that_only_the_app_refuses_is_not_uploaded(started: Started, tmp_path: Path) -> None:
    three = [{**GOOD, "job_id": f"pg_{n}_full", "target_folder_path": f"raw/{n}"} for n in range(3)]
    assert call("upload", a_file(tmp_path, *three), "--folder", started.folder).returncode == 0
    assert call("run", "--job", "pg_0_full", "--folder", started.folder).returncode == 0  # it is active
    ended = call("upload", a_file(tmp_path, three[0]), "--folder", started.folder)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "removes 2 of the 3 active jobs (pg_1_full, pg_2_full)" in ended.stderr


def test_an_upload_needs_a_running_app(tmp_path: Path) -> None:
    ended = call("upload", a_file(tmp_path, GOOD), "--folder", tmp_path / "nothing")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"No app runs in {tmp_path / 'nothing'}: start it with")


def test_the_template_is_valid_and_is_not_written_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jobs.xlsx"
    assert call("template", file).returncode == 0
    checked = call("validate", file, "--json")
    assert (checked.returncode, json.loads(checked.stdout)["problems"]) == (0, [])
    again = call("template", file)
    assert (again.returncode, again.stderr) == (2, f"{file} exists already: choose another name, or remove it.\n")


def test_validate_reports_each_problem_with_its_cell_and_can_show_it_there(tmp_path: Path) -> None:
    annotated = tmp_path / "annotated.xlsx"
    file = a_file(tmp_path, {**GOOD, "load_type": "INCR"}, {**FAILING, "enabled": "perhaps"})
    ended = call("validate", file, "--annotated", annotated)
    assert ended.returncode == 4
    assert [line.split(":")[0] for line in ended.stdout.splitlines()[1:]] == [
        *("- SourceConfig!F2 load_type", "- SourceConfig!G3 enabled")
    ]
    comment = openpyxl.load_workbook(annotated)["SourceConfig"]["F2"].comment
    assert comment is not None
    assert "'INCR'" in comment.text


def test_sql_databricks_names_the_delta_tables_of_a_workbook(tmp_path: Path) -> None:
    file = tmp_path / "config.xlsx"
    file.write_bytes(write_workbook([{**GOOD, "table_format": "delta"}]))
    printed = call("sql", "databricks", file, "--account", "contosolake")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.splitlines() == [
        "CREATE SCHEMA IF NOT EXISTS `main`.`local_pg`;",
        "CREATE TABLE IF NOT EXISTS `main`.`local_pg`.`sql_sizing` USING DELTA LOCATION "
        "'abfss://lake@contosolake.dfs.core.windows.net/raw/local_pg_sql_sizing/sql_sizing';",
    ]
    file.write_bytes(write_workbook([{**GOOD, "load_type": "FUL"}]))
    assert call("sql", "databricks", file, "--account", "contosolake").returncode == 4


def confirm_removals(file: Path) -> None:
    """Let a workbook say that the jobs of the tests before may go."""
    workbook = openpyxl.load_workbook(file)
    sheet = workbook["Requests"]
    request = {"request_id": f"remove-{file.parent.name}", "action": "remove_jobs"}
    sheet.append([request.get(str(cell.value)) for cell in sheet[1]])
    workbook.save(file)


def test_discover_writes_a_workbook_that_runs(started: Started, tmp_path: Path) -> None:
    file = tmp_path / "found.xlsx"
    arguments = ("discover", "--source", "local_pg", "--schema", "information_schema", "--like", "sql_*")
    ended = call(*arguments, "-o", file, "--json", "--folder", started.folder)
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert (answer["counts"], answer["file"]) == ({"new": 4}, str(file))
    confirm_removals(file)
    run = call("run", "--workbook", file, "--job", "local_pg_sql_sizing", "--json", "--folder", started.folder)
    assert run.returncode == 0, run.stderr
    assert [job["rows_written"] for job in json.loads(run.stdout)["jobs"]] == [23]

    again = call(*arguments, "-o", file, "--folder", started.folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert f"{file} exists already: choose another name with -o, or keep its rows with --into" in again.stderr
    kept = call(*arguments, "--into", file, "--folder", started.folder)
    assert kept.returncode == 0, kept.stderr
    assert f"Wrote {file}: 4 kept in local_pg.information_schema." in kept.stdout


def test_discovery_of_an_unknown_source_is_one_sentence(started: Started, tmp_path: Path) -> None:
    ended = call("discover", "--source", "nowhere", "-o", tmp_path / "none.xlsx", "--folder", started.folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].startswith("No connection secret for source 'nowhere'")
    assert not (tmp_path / "none.xlsx").exists()


def test_a_placeholder_takes_the_value_that_is_given(tmp_path: Path) -> None:
    file = a_file(tmp_path, {**GOOD, "target_folder_path": "raw/{env}"})
    refused = call("validate", file)
    assert refused.returncode == 4
    assert "SourceConfig!I2 target_folder_path: 'raw/{env}' holds {env}, which has no value" in refused.stdout
    assert call("validate", file, "--value", "env=prod").returncode == 0
    wrong = call("validate", file, "--value", "env")
    assert (wrong.returncode, wrong.stderr) == (2, "--value 'env' is not NAME=VALUE, such as env=prod.\n")


def test_the_changes_are_those_of_the_resolved_values(tmp_path: Path) -> None:
    before = tmp_path / "before.xlsx"
    before.write_bytes(write_workbook([{**GOOD, "target_folder_path": "raw/dev"}]))
    file = a_file(tmp_path, {**GOOD, "target_folder_path": "raw/{env}"})
    same = call("validate", file, "--against", before, "--value", "env=dev")
    assert f"Against {before}: no changes." in same.stdout
    other = call("validate", file, "--against", before, "--value", "env=prod")
    assert "pg_sizing_full target_folder_path: raw/dev → raw/prod" in other.stdout


def test_the_annotated_copy_never_overwrites_the_workbook(tmp_path: Path) -> None:
    file = a_file(tmp_path, {**GOOD, "load_type": "INCR"})
    content = file.read_bytes()
    link = tmp_path / "link.xlsx"
    link.symlink_to(file)
    for same in (file, tmp_path / "." / file.name, link):
        refused = call("validate", file, "--annotated", same)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"--annotated {same} would overwrite the workbook itself: name another file.\n"
    assert file.read_bytes() == content


def test_a_workbook_travels_through_git_as_yaml(tmp_path: Path) -> None:
    file, text, back = a_file(tmp_path, GOOD), tmp_path / "jobs.yaml", tmp_path / "back.xlsx"
    exported = call("workbook", "export", file, text)
    assert (exported.returncode, exported.stdout) == (0, f"Wrote {text}.\n")
    assert call("workbook", "import", text, back).returncode == 0
    same = call("diff", file, back)
    assert (same.returncode, same.stdout) == (0, f"Against {file}: no changes.\n")

    first = tmp_path / "first.yaml"
    first.write_text("SourceConfig: []")
    assert "- pg_sizing_full is new" in call("diff", first, text).stdout

    text.write_text(text.read_text().replace("table_name: sql_sizing", "table_name: sql_parts"))
    changed = call("diff", file, text, "--json")
    assert changed.returncode == 0, changed.stderr
    (change,) = json.loads(changed.stdout)["changes"]["changed"]
    assert (change["row"], change["column"], change["after"]) == ("pg_sizing_full", "table_name", "sql_parts")

    text.write_text(text.read_text().replace("load_type: FULL", "load_type: OFTEN"))
    refused = call("diff", file, text)
    assert refused.returncode == 4
    assert "load_type: 'OFTEN' is not one of FULL, INCREMENTAL" in refused.stdout
    text.write_text("Jobs: []")
    wrong = call("workbook", "import", text, back)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith(f"{text}: 'Jobs' is no sheet")
