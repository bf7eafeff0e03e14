"""A source type and a destination are one module and one row each: two toys are added from outside and loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A schema with two tables, the work folder of the attempt, and the secret of all sources of the toy's type."""
    made = tmp_path_factory.mktemp("toys")
    for name in ("work", "csv/shop"):
        (made / name).mkdir(parents=True)
    (made / "csv/shop/orders.csv").write_text("id,name\n1,one\n2,two\n3,three\n")
    (made / "csv/shop/items.csv").write_text("id\n1\n")
    (made / "secrets.toml").write_text(f'[sources.CSV]\nfolder = "{made / "csv"}"\n')
    return made


@pytest.fixture(scope="module")
def outcome(folder: Path) -> dict[str, Any]:
    """What the app made of the toys, in a process of its own."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TOY_FOLDER": str(folder / "lake")}
    environment |= {"SECRETS_FILE": str(folder / "secrets.toml"), "HOME": str(folder)}
    command = [sys.executable, "-m", "tests.toys", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def test_a_new_source_type_is_read_by_the_workbook_its_filter_its_secret_and_the_dry_run(
    outcome: dict[str, Any], folder: Path
) -> None:
    assert outcome["tables"] == ["items", "orders"]
    assert outcome["sql"] == f"SELECT * FROM '{folder}/csv/shop/orders.csv' WHERE id > 1"
    assert outcome["answered"] == ["PostgreSQL", "Oracle", "MSSQL", "API", "CSV"]
    assert outcome["documented"][0]
    assert "tests.toys.source" in outcome["preloaded"]


def test_a_new_destination_takes_the_rows(outcome: dict[str, Any], folder: Path) -> None:
    assert outcome["result"]["status"] == "SUCCESS", outcome["result"]
    assert outcome["result"]["rows_written"] == 2
    files = list((folder / "lake/files/orders").glob("*.parquet"))
    assert sorted(str(name) for file in files for name in pq.read_table(file)["name"].to_pylist()) == ["three", "two"]
    assert (outcome["place"], outcome["in_lake"], outcome["rewinds"]) == ("folder:raw/shop/orders", False, False)
    assert outcome["documented"][1]
    assert "tests.toys.destination" in outcome["preloaded"]


def test_the_rules_of_the_workbook_follow_both_rows(outcome: dict[str, Any]) -> None:
    problems = "\n".join(outcome["problems"])
    for part in (
        "'delta' is not what a folder keeps its tables in; use parquet",
        "partition_by: does not work with destination folder; leave it blank",
        "'id > 1; DROP'",
        "gives the dataset folder:raw/shop/orders",
        "'managed_identity' does not work for CSV; use password",
    ):
        assert part in problems
