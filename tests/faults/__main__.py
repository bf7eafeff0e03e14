"""`python -m tests.faults`: break the app in every way that `docs/reliability.md` names; a table says what survived."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import pytest
import typer
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent


class Report:
    """Counts points by class of faults, from the reports of tests that may run in several processes."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.survived: Counter[str] = Counter()
        self.measured: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts once, when it was called or could not be set up."""
        if report.when != "call" and not (report.when == "setup" and report.failed):
            return
        properties = dict(report.user_properties)
        name, points = str(properties.get("fault", report.nodeid)), int(str(properties.get("points", 1)))
        self.tried[name] += points
        self.survived[name] += points if report.passed else 0
        self.measured.setdefault(name, []).extend(str(value) for key, value in properties.items() if key == "measured")

    def table(self) -> Table:
        table = Table("Faults", title="Proof by breaking it")
        table.add_column("Points tried", justify="right")
        table.add_column("Survived", justify="right")
        table.add_column("Measured")
        for name, tried in sorted(self.tried.items()):
            good = self.survived[name] == tried
            table.add_row(
                name,
                str(tried),
                f"[{'green' if good else 'red'}]{self.survived[name]}[/]",
                "; ".join(self.measured[name]),
            )
        table.add_section()
        table.add_row("all", str(self.tried.total()), str(self.survived.total()))
        return table

    def to_json(self) -> str:
        classes = {
            name: {"tried": tried, "survived": self.survived[name], "measured": self.measured[name]}
            for name, tried in self.tried.items()
        }
        return json.dumps(
            {"classes": classes, "tried": self.tried.total(), "survived": self.survived.total()}, indent=2
        )


def main(
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON instead of a table.")] = False,
    jobs: Annotated[int, typer.Option(help="Jobs of the soak test; the full size is 300.")] = 16,
    rounds: Annotated[int, typer.Option(help="Rounds of the soak test; the full size is 10.")] = 3,
    workers: Annotated[int, typer.Option(help="Processes that run tests.")] = 2,
    seeds: Annotated[int, typer.Option(help="Worlds of the simulation.")] = 100_000,
    only: Annotated[str, typer.Option(help="As pytest's -k: only the tests whose names match.")] = "",
) -> None:
    """Run the whole campaign; the exit code is pytest's."""
    os.environ.update(SOAK_JOBS=str(jobs), SOAK_ROUNDS=str(rounds), SIMULATION_SEEDS=str(seeds))
    report = Report()
    arguments = [str(HERE), "-m", "", "-k", only, "--tb=short", "--show-capture=no", "-p", "no:cacheprovider"]
    with redirect_stdout(sys.stderr):
        code = pytest.main([*arguments, "--numprocesses", str(workers), "--dist", "loadscope"], plugins=[report])
    if as_json:
        print(report.to_json())
    else:
        Console().print(report.table())
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
