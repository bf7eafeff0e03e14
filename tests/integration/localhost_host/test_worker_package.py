"""The stand-in's load rules against the worker's own library, on every signature of the table of verdicts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.unit.localhost_host.verdict_apps import app_source
from tests.worker_package import WorkerPackage, worker_package

ROOT = Path(__file__).parents[3]
VERDICTS = list(csv.DictReader((ROOT / "tests/fixtures/worker_verdicts.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def package() -> WorkerPackage:
    return worker_package()


def test_the_library_gives_the_verdicts_that_the_stand_in_gives(package: WorkerPackage, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(len(VERDICTS))]
    for folder, row in zip(folders, VERDICTS, strict=True):
        folder.mkdir()
        (folder / "function_app.py").write_text(app_source(row["function"]))
    verdicts = zip(VERDICTS, package.verdicts(*folders), strict=True)
    differing = {row["function"]: said for row, said in verdicts if isinstance(said, int) != (row["verdict"] == "ok")}
    assert differing == {}
