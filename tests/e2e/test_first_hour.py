"""docs/first-hour.md as a person follows it: its commands, as they are on the page."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from localhost.host.keys import load_keys
from tests.conftest import service_folder
from tests.e2e.commands import ROOT, read_until, running

PAGE = ROOT / "docs" / "first-hour.md"
PREPARATION = ("make setup", ". .venv/bin/activate")  # of the environment in which the tests run
WITHOUT_FOLDER = ("validate",)
TABLES = 20


def commands() -> list[str]:
    """The command lines of the page, in their order, without those that prepare the environment."""
    lines = re.findall(r"^\$ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [line for line in lines if line not in PREPARATION]


@dataclass
class Place:
    """Where a person works, and the app that was started there."""

    folder: Path
    app_folder: Path

    def follow(self, line: str) -> str:
        """Run a line of the page, in an app folder of the test's own; gives what it prints."""
        program, *arguments = shlex.split(line)
        assert (program, arguments[:2]) == ("python", ["-m", "localhost"])
        own = [] if arguments[2] in WITHOUT_FOLDER else ["--folder", str(self.app_folder)]
        ended = subprocess.run(
            [sys.executable, *arguments, *own],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def jobs(self) -> list[dict[str, object]]:
        host = self.app_folder / "host"
        url = json.loads((host / "host.json").read_text())["url"]
        answer = requests.get(f"{url}/api/jobs", headers={"x-functions-key": load_keys(host).function}, timeout=60)
        found: list[dict[str, object]] = answer.json()["jobs"]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with service_folder() as temporary:
        start = shlex.split(commands()[0])[3:]
        place = Place(tmp_path, temporary / "app")
        own = ("--port", 0, "--folder", place.app_folder)
        with running(*start, *own, temporary_folder=temporary) as process:
            assert f"database of {TABLES} tables is the source rentals_pg" in read_until(process, "source rentals_pg")
            read_until(process, "localhost upload")
            yield place


def test_the_page_takes_a_database_of_20_tables_into_the_lake_and_schedules_it(place: Place) -> None:
    for line in commands()[1:]:
        place.follow(line)
    jobs = place.jobs()
    assert len(jobs) == TABLES
    assert {job["last_result"]["status"] for job in jobs} == {"SUCCESS"}  # type: ignore[index]
    assert all(job["next_due"] for job in jobs)
    assert {job["load_type"] for job in jobs} == {"FULL", "INCREMENTAL"}
