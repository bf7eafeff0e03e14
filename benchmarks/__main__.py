"""`python -m benchmarks [--quick] [--json] [--case NAME]`: measure, print, and write benchmarks/results/latest.json.

The quick one writes `quick.json` there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, PLAIN_DLT, SMALL_TABLES, Case, make_small_tables
from benchmarks.measure import Figure, WayFailedError, measure
from benchmarks.servers import POSTGRESQL_DATABASE, Postgres, server_for
from benchmarks.small_tables import measure_app
from localhost.local_app import LocalApp, local_app

RESULTS = Path(__file__).parent / "results"
_CONTAINER = "benchmark"
_FLOORS = ("copy-floor", "driver-floor")


def main() -> int:
    """Measure what the arguments ask for. Returns 1 if a way failed."""
    arguments = _arguments()
    out = Console(stderr=arguments.json)
    figures: list[Figure] = []
    failed = False
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        with local_app(Path(folder)) as app:
            app.services.postgres.create_database(POSTGRESQL_DATABASE)
            for case in arguments.case or [*(case.name for case in CASES), SMALL_TABLES]:
                try:
                    figures += _measure(app, Path(folder), case, arguments.quick, arguments.runs, out.print)
                except WayFailedError as error:
                    out.print(f"[red]{case}: {error}")
                    failed = True
    _write(figures, RESULTS / ("quick.json" if arguments.quick else "latest.json"))
    if arguments.json:
        print(json.dumps([figure.to_json() for figure in figures], indent=1))
    else:
        out.print(_table(figures))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, one run of each: some minutes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON; progress goes to stderr")
    names = [*(case.name for case in CASES), SMALL_TABLES]
    parser.add_argument("--case", action="append", choices=names, help="only this case; may be given again")
    parser.add_argument("--runs", type=int, help="runs of each way (3, or 1 with --quick)")
    arguments = parser.parse_args()
    arguments.runs = arguments.runs or (1 if arguments.quick else 3)
    return arguments


def _measure(
    app: LocalApp, folder: Path, name: str, quick: bool, runs: int, progress: Callable[[str], None]
) -> list[Figure]:
    if name == SMALL_TABLES:
        return _measure_small(app, quick, progress)
    case = next(case for case in CASES if case.name == name)
    ways = [way for way in case.ways if not (quick and _is_too_slow(case, way))]
    with server_for(case.database, app, folder) as server:
        table = server.make(case, case.quick_rows if quick else case.rows)
        order = {**server.order(), "tables": [table], "container": _CONTAINER}
        figures = measure(name, ways, order, app.services.environment(), runs, progress)
        server.drop(table)
    return figures


def _is_too_slow(case: Case, way: str) -> bool:
    """Whether a way would take most of a quick benchmark's time alone."""
    return way in PLAIN_DLT and case.name != "narrow" and case.database == "PostgreSQL"


def _measure_small(app: LocalApp, quick: bool, progress: Callable[[str], None]) -> list[Figure]:
    with app.services.postgres.connect(POSTGRESQL_DATABASE, autocommit=True) as connection:
        tables = list(make_small_tables(connection, 10 if quick else 200))
    ours = measure_app(app, POSTGRESQL_DATABASE, tables, _CONTAINER)
    progress(f"{SMALL_TABLES} {ours.way}: {ours.seconds:.2f} s")
    order = {**Postgres(app).order(), "tables": tables, "container": _CONTAINER}
    plain = ["dlt-pyarrow"] if quick else ["dlt-pyarrow", "dlt-pyarrow-azurite"]
    return [ours, *measure(SMALL_TABLES, plain, order, app.services.environment(), 1, progress)]


def _write(figures: list[Figure], file: Path) -> None:
    """Write the figures; those of cases that were not measured this time stay."""
    file.parent.mkdir(exist_ok=True)
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    measured = {figure.case for figure in figures}
    kept = [figure for figure in earlier if figure["case"] not in measured]
    content = kept + [figure.to_json() for figure in figures]
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _table(figures: list[Figure]) -> Table:
    floors = {figure.case: figure.seconds for figure in figures if figure.way in _FLOORS}
    table = Table("case", "way", "rows", "seconds", "CPU seconds", "times the floor", "peak RSS, MB")
    for figure in figures:
        floor = floors.get(figure.case)
        times = f"{figure.seconds / floor:.2f}" if floor else ""
        table.add_row(
            figure.case,
            figure.way,
            f"{figure.rows:,}",
            f"{figure.seconds:.2f}",
            f"{figure.cpu_seconds:.2f}",
            times,
            f"{figure.peak_rss_mb:.0f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
